import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { closedBy, closeLines, openLines, type FirewallSeen } from "../../provider/deploy/firewall";

const needed = { interfaces: ["eth1"], udp: [67, 69], tcp: [80], forward: false };
const closed = (seen: Partial<FirewallSeen>, more: Partial<typeof needed> = {}): string[] =>
  closedBy({ opened: [], ...seen }, { ...needed, ...more }).map((item) => [item.program, item.place, item.what].filter((word) => word !== "").join(" "));
const commands = (seen: Partial<FirewallSeen>, more: Partial<typeof needed> = {}): string[] => openLines(closedBy({ opened: [], ...seen }, { ...needed, ...more }));

const input = { family: "inet", table: "filter", name: "input", handle: 1, type: "filter", hook: "input", prio: 0, policy: "drop" };
const established = [{ match: { op: "in", left: { ct: { key: "state" } }, right: ["established", "related"] } }, { accept: null }];
const loopback = [{ match: { op: "==", left: { meta: { key: "iif" } }, right: "lo" } }, { accept: null }];
const dport = (protocol: string, right: unknown, op = "=="): unknown => ({ match: { op, left: { payload: { protocol, field: "dport" } }, right } });
/** As nft 1.0.6 lists a table that drops by default. */
const nft = (rules: readonly (readonly unknown[])[], chain: object = input): string =>
  JSON.stringify({
    nftables: [
      { metainfo: { version: "1.0.6", release_name: "Lester Gooch #5", json_schema_version: 1 } }, { table: { family: "inet", name: "filter", handle: 1 } }, { chain },
      ...[established, loopback, ...rules].map((expr, index) => ({ rule: { family: "inet", table: "filter", chain: "input", handle: 2 + index, expr } })),
    ],
  });

describe("nftables", () => {
  const all = ["nftables inet filter input 67/udp", "nftables inet filter input 69/udp", "nftables inet filter input 80/tcp"];

  test("a policy that drops is told, with the commands that open the ports", () => {
    assert.deepEqual(closed({ nftables: nft([[dport("tcp", 22), { accept: null }]]) }), all);
    assert.deepEqual(commands({ nftables: nft([]) }), [
      `nft insert rule inet filter input iifname '"eth1"' udp dport '{ 67, 69 }' accept comment '"pulumi-pxe"'`,
      `nft insert rule inet filter input iifname '"eth1"' tcp dport '{ 80 }' accept comment '"pulumi-pxe"'`,
    ]);
  });

  test("ports that are open are not", () => {
    assert.deepEqual(closed({ nftables: nft([[dport("udp", { set: [67, 69] }), { accept: null }]]) }), all.slice(2));
    assert.deepEqual(closed({ nftables: nft([[dport("udp", { range: [60, 70] }), { counter: { packets: 0, bytes: 0 } }, { accept: null }]]) }), all.slice(2));
    assert.deepEqual(closed({ nftables: nft([], { ...input, policy: "accept" }) }), []);
  });

  test("what isn't understood is not held against the target", () => {
    for (const rule of [
      [{ vmap: { key: { payload: { protocol: "th", field: "dport" } }, data: "@services" } }], [{ queue: { num: 0 } }],
      [{ match: { op: "==", left: { fib: { result: "type" } }, right: "local" } }, { accept: null }], [dport("udp", "@open"), { accept: null }], [{ xt: { type: "target", name: "SOMETHING" } }],
    ]) assert.ok(!closed({ nftables: nft([rule]) }).includes(all[0] ?? ""), JSON.stringify(rule));
    assert.deepEqual(closed({ nftables: "no JSON" }), []);
  });

  test("what only narrows or notes a rule lets nothing pass", () => {
    assert.deepEqual(closed({ nftables: nft([[{ limit: { rate: 5, per: "minute" } }, { log: { prefix: "drop: " } }]]) }), all);
  });

  test("a field of another protocol doesn't hold, turned round either", () => {
    const open = { ...input, policy: "accept" };
    assert.deepEqual(closed({ nftables: nft([[dport("udp", 53, "!="), { drop: null }]], open) }), all.slice(0, 2));
    const elsewhere = { match: { op: "!=", left: { payload: { protocol: "ip6", field: "saddr" } }, right: "fe80::1" } };
    assert.deepEqual(closed({ nftables: nft([[elsewhere, { drop: null }]], open) }), []);
  });

  test("a goto that may be taken leaves nothing after it sure", () => {
    const maybe = { match: { op: "==", left: { payload: { protocol: "ip", field: "saddr" } }, right: "192.0.2.1" } };
    assert.deepEqual(closed({ nftables: nft([[maybe, { goto: { target: "elsewhere" } }], [{ drop: null }]], { ...input, policy: "accept" }) }), []);
  });
});

/** As `iptables -S` (1.8.9) prints it. */
const iptables = (...more: readonly string[]): string[] => [
  "-P INPUT DROP", "-P FORWARD ACCEPT", "-P OUTPUT ACCEPT", "-N mine", "-A INPUT -i lo -j ACCEPT",
  '-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -m comment --comment "what was -j ACCEPT before" -j ACCEPT',
  "-A INPUT -p tcp -m multiport --dports 22,80 -j ACCEPT", "-A INPUT -j mine", '-A INPUT -j LOG --log-prefix "dropped: "', ...more,
  "-A mine -p udp -m udp --dport 69 -j REJECT --reject-with icmp-port-unreachable",
];

describe("iptables", () => {
  test("tells what drops as if nothing of ours were there, with the commands", () => {
    const ours = "-A INPUT -i eth1 -p udp -m multiport --dports 67,69 -m comment --comment pulumi-pxe -j ACCEPT";
    assert.deepEqual(closed({ iptables: iptables() }), ["iptables 67/udp", "iptables 69/udp"]);
    assert.deepEqual(closed({ iptables: iptables(ours) }), ["iptables 67/udp", "iptables 69/udp"]);
    const rule = "INPUT -i eth1 -p udp -m multiport --dports 67,69 -m comment --comment pulumi-pxe -j ACCEPT";
    assert.deepEqual(commands({ iptables: iptables() }), [`iptables -C ${rule} 2>/dev/null || iptables -I ${rule}`]);
  });

  test("what isn't understood is not held against the target", () => {
    assert.deepEqual(closed({ iptables: iptables("-A INPUT -m physdev --physdev-is-bridged -j ACCEPT") }), ["iptables 69/udp"]);
    assert.deepEqual(closed({ iptables: iptables("-A INPUT -p udp -j NFQUEUE --queue-num 0") }), ["iptables 69/udp"]);
  });

  test("that speaks through nftables is asked itself; other tables are judged beside it", () => {
    const xt = JSON.stringify({ nftables: [{ chain: { ...input, family: "ip", name: "INPUT" } }] });
    assert.deepEqual(closed({ nftables: xt, iptables: iptables() }), ["iptables 67/udp", "iptables 69/udp"]);
    assert.equal(closed({ nftables: nft([]), iptables: ["-P INPUT ACCEPT"] }).length, 3);
  });
});

describe("managers of rules", () => {
  const ufw = [
    "Status: active", "Logging: on (low)", "Default: deny (incoming), allow (outgoing), deny (routed)", "New profiles: skip", "",
    "To                         Action      From", "--                         ------      ----", "22/tcp                     ALLOW IN    Anywhere", "22/tcp (v6)                ALLOW IN    Anywhere (v6)",
  ];

  test("ufw", () => {
    assert.deepEqual(closed({ ufw }), ["ufw 67/udp", "ufw 69/udp", "ufw 80/tcp"]);
    assert.deepEqual(closed({ ufw: [...ufw, "67,69/udp on eth1          ALLOW IN    Anywhere", "Nginx HTTP                 ALLOW IN    Anywhere"] }), []);
    assert.deepEqual(closed({ ufw: [...ufw, "67/udp on eth1             ALLOW IN    Anywhere                   # pulumi-pxe"] }).length, 3);
    assert.equal(commands({ ufw })[0], "ufw allow in on eth1 to any port 67 proto udp comment 'pulumi-pxe'");
    assert.deepEqual(closed({ ufw }, { udp: [], tcp: [], forward: true }), ["ufw forward"]);
  });

  test("firewalld", () => {
    const settings = (more: string): string[] => [
      "public (active)", "  target: default", "  icmp-block-inversion: no", "  interfaces: eth0 eth1", "  sources: ", `  services: ${more}`, "  ports: 69/udp", "  protocols: ", "  forward: yes", "  masquerade: no",
      "  forward-ports: ", "  source-ports: ", "  icmp-blocks: ", "  rich rules: ", "", "trusted", "  target: ACCEPT", "  services: ", "",
    ];
    const seen = (more = "dhcpv6-client ssh"): FirewallSeen["firewalld"] => ({ zones: ["public (default)", "  interfaces: eth0 eth1"], settings: settings(more), byDefault: "public" });
    assert.deepEqual(closed({ firewalld: seen() }), ["firewalld public 67/udp", "firewalld public 80/tcp"]);
    assert.deepEqual(closed({ firewalld: seen("dhcp ssh http") }), []);
    assert.deepEqual(closed({ firewalld: seen(), opened: ["public 69/udp"] }).length, 3, "what a deployment has opened counts as shut");
    assert.deepEqual(closed({ firewalld: { zones: [], settings: settings(""), byDefault: "trusted" } }), []);
    const items = closedBy({ firewalld: seen(), opened: [] }, needed);
    assert.equal(openLines(items)[0], "firewall-cmd --quiet --permanent --zone=public --add-port=67/udp");
    assert.equal(closeLines(items)[0], "firewall-cmd --quiet --permanent --zone=public --remove-port=67/udp");
  });
});
