import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { closedBy, closeLines, openLines, type FirewallSeen, type Needed } from "../../provider/deploy/firewall";

const needed: Needed = { interfaces: ["eth1"], udp: [67, 69], tcp: [80], forward: undefined };
/** Only to route. */
const routing: Needed = { interfaces: ["eth1"], udp: [], tcp: [], forward: new Map([["eth1", ["10.77.0.0/24"]]]) };
const closed = (seen: Partial<FirewallSeen>, more: Partial<Needed> = {}, ...ours: ["as they are"?]): string[] =>
  closedBy({ opened: [], ...seen }, { ...needed, ...more }, ...ours).map((item) => [item.program, item.place, item.what].filter((word) => word !== "").join(" "));
const commands = (seen: Partial<FirewallSeen>, by: "person" | "deployment" = "person", more: Partial<Needed> = {}): string[] =>
  openLines(closedBy({ opened: [], ...seen }, { ...needed, ...more }), by);

const input = { family: "inet", table: "filter", name: "input", handle: 1, type: "filter", hook: "input", prio: 0, policy: "drop" };
const established = [{ match: { op: "in", left: { ct: { key: "state" } }, right: ["established", "related"] } }, { accept: null }];
const loopback = [{ match: { op: "==", left: { meta: { key: "iif" } }, right: "lo" } }, { accept: null }];
const dport = (protocol: string, right: unknown, op = "=="): unknown => ({ match: { op, left: { payload: { protocol, field: "dport" } }, right } });
/** As nft 1.0.6 lists a table that drops by default. */
const nft = (rules: readonly (readonly unknown[])[], chain: typeof input = input, comment?: string): string =>
  JSON.stringify({
    nftables: [
      { metainfo: { version: "1.0.6", release_name: "Lester Gooch #5", json_schema_version: 1 } }, { table: { family: "inet", name: "filter", handle: 1 } }, { chain },
      ...[established, loopback, ...rules].map((expr, index) => ({ rule: { family: "inet", table: "filter", chain: chain.name, handle: 2 + index, ...(index > 1 && comment !== undefined ? { comment } : {}), expr } })),
    ],
  });

describe("nftables", () => {
  const all = ["nftables inet filter input 67/udp", "nftables inet filter input 69/udp", "nftables inet filter input 80/tcp"];

  test("a policy that drops is told, with the commands that open the ports", () => {
    assert.deepEqual(closed({ nftables: nft([[dport("tcp", 22), { accept: null }]]) }), all);
    const rules = [`nft insert rule inet filter input iifname '"eth1"' udp dport '{ 67, 69 }' accept`, `nft insert rule inet filter input iifname '"eth1"' tcp dport '{ 80 }' accept`];
    assert.deepEqual(commands({ nftables: nft([]) }), rules);
    assert.deepEqual(commands({ nftables: nft([]) }, "deployment"), rules.map((rule) => `${rule} comment '"pulumi-pxe"'`));
  });

  test("what a deployment has opened counts as shut, unless it is asked what is; what a person has opened by the commands told is open", () => {
    const open = [dport("udp", { set: [67, 69] }), { accept: null }];
    const ours = { nftables: nft([open], input, "pulumi-pxe") };
    assert.deepEqual([closed(ours), closed(ours, {}, "as they are")], [all, all.slice(2)]);
    assert.deepEqual(closed({ nftables: nft([open]) }), all.slice(2));
  });

  test("where a packet would leave decides, where that is known; what only holds for a connection that stands doesn't let a new one in", () => {
    const forward = { ...input, name: "forward", hook: "forward" };
    const out = (name: string): unknown => ({ match: { op: "==", left: { meta: { key: "oifname" } }, right: name } });
    const status = { match: { op: "in", left: { ct: { key: "status" } }, right: "dnat" } };
    const rules = nft([[status, { accept: null }], [out("eth1"), { accept: null }]], forward);
    assert.deepEqual(closed({ nftables: rules, outward: "eth0" }, routing), ["nftables inet filter forward forward"]);
    assert.deepEqual(closed({ nftables: rules, outward: "eth1" }, routing), []);
    assert.deepEqual(closed({ nftables: rules }, routing), []);
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
    const [policy = "", ...rest] = iptables();
    assert.deepEqual(closed({ iptables: [policy, ours, ...rest] }, {}, "as they are"), []);
    const rule = "INPUT -i eth1 -p udp -m multiport --dports 67,69";
    assert.deepEqual(commands({ iptables: iptables() }), [`iptables -C ${rule} -j ACCEPT 2>/dev/null || iptables -I ${rule} -j ACCEPT`]);
    const marked = `${rule} -m comment --comment pulumi-pxe -j ACCEPT`;
    assert.deepEqual(commands({ iptables: iptables() }, "deployment"), [`iptables -C ${marked} 2>/dev/null || iptables -I ${marked}`]);
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
    const ours = [...ufw, "67,69/udp on eth1          ALLOW IN    Anywhere                   # pulumi-pxe"];
    assert.deepEqual([closed({ ufw: ours }).length, closed({ ufw: ours }, {}, "as they are")], [3, ["ufw 80/tcp"]]);
    assert.deepEqual(commands({ ufw }), ["ufw allow in on eth1 to any port 67,69 proto udp", "ufw allow in on eth1 to any port 80 proto tcp"]);
    assert.deepEqual(commands({ ufw }, "deployment")[1], "ufw allow in on eth1 to any port 80 proto tcp comment 'pulumi-pxe'");
  });

  test("ufw routes by its rules, and by a default that it doesn't tell while the target routes nothing", () => {
    const routed = (word: string, ...more: string[]): string[] => closed({ ufw: [...ufw.map((line) => line.replace("deny (routed)", `${word} (routed)`)), ...more] }, routing);
    assert.deepEqual([routed("deny"), routed("allow"), routed("disabled"), routed("disabled", "Forward: ACCEPT")], [["ufw forward"], [], ["ufw forward"], []]);
    const allowed = (name: string): string => `Anywhere                   ALLOW FWD   Anywhere on ${name}`;
    assert.deepEqual([routed("deny", allowed("eth1")), routed("deny", allowed("eth9")), routed("deny", "Anywhere  ALLOW FWD   Anywhere")], [[], ["ufw forward"], []]);
    assert.deepEqual(routed("deny", `${allowed("eth1")}           # pulumi-pxe`), ["ufw forward"]);
  });

  const settings = (services: string, ...rich: readonly string[]): string[] => [
    "public (active)", "  target: default", "  icmp-block-inversion: no", "  interfaces: eth0 eth1", "  sources: ", `  services: ${services}`, "  ports: 69/udp", "  protocols: ", "  forward: yes", "  masquerade: no",
    "  forward-ports: ", "  source-ports: ", "  icmp-blocks: ", "  rich rules: ", ...rich.map((rule) => `\t${rule}`), "", "trusted", "  target: ACCEPT", "  services: ", "",
  ];
  const services = [
    'dhcpv6-client <port protocol="udp" port="546"/>', 'ssh <port protocol="tcp" port="22"/>', 'dhcp <port protocol="udp" port="67"/>', 'http <port port="80" protocol="tcp"/>',
    'rack <port port="60-80" protocol="tcp"/> <port protocol="udp" port="69"/>', 'capsule <include service="foreman"/> <port protocol="tcp" port="8443"/>',
  ];
  const firewalld = (lines: readonly string[]): FirewallSeen["firewalld"] => ({ settings: lines, byDefault: "trusted", services });

  test("firewalld", () => {
    const seen = firewalld(settings("dhcpv6-client ssh"));
    assert.deepEqual(closed({ firewalld: seen }), ["firewalld public 67/udp", "firewalld public 80/tcp"]);
    assert.deepEqual(closed({ firewalld: firewalld(settings("dhcp ssh http")) }), []);
    assert.deepEqual(closed({ firewalld: firewalld(settings("ssh rack")) }), ["firewalld public 67/udp"]);
    const opened = ["public 69/udp"];
    assert.deepEqual([closed({ firewalld: seen, opened }).length, closed({ firewalld: seen, opened }, {}, "as they are").length], [3, 2], "what a deployment has opened counts as shut");
    const unbound = settings("").map((line) => line.replace(" eth1", ""));
    assert.deepEqual(["trusted", "public"].map((byDefault) => closed({ firewalld: { settings: unbound, byDefault, services } }).length), [0, 2], "an interface that no zone names is in the default one");
    assert.deepEqual(commands({ firewalld: seen }), ["--permanent ", ""].map((lasting) => `firewall-cmd --quiet ${lasting}--zone=public --add-port=67/udp --add-port=80/tcp`));
    const [close] = closeLines(closedBy({ firewalld: seen, opened: [] }, needed));
    assert.match(close ?? "", /then firewall-cmd --quiet --permanent --zone=public --remove-port=67\/udp --remove-port=80\/tcp;.* then firewall-offline-cmd --quiet --zone=public --remove-port=67\/udp /);
  });

  test("firewalld: a service that isn't known, or includes others, may let anything in; a rich rule what it says", () => {
    for (const service of ["something", "capsule"]) assert.deepEqual(closed({ firewalld: firewalld(settings(`ssh ${service}`)) }), []);
    const shut = (rule: string): string[] => closed({ firewalld: firewalld(settings("ssh", rule)) });
    const all = ["firewalld public 67/udp", "firewalld public 80/tcp"];
    assert.deepEqual(shut('rule family="ipv4" source address="10.77.0.0/24" accept'), []);
    assert.deepEqual(shut('rule family="ipv4" source address="10.77.0.0/24" port port="60-70" protocol="udp" accept'), all.slice(1));
    assert.deepEqual(shut('rule service name="http" log prefix="http" level="info" accept'), all.slice(0, 1));
    assert.deepEqual(shut('rule protocol value="udp" accept'), all.slice(1));
    for (const other of ['rule service name="ssh" accept', 'rule family="ipv6" source address="fd00::/8" accept', 'rule family="ipv4" source address="10.77.0.0/24" drop', 'rule icmp-type name="echo-request" accept']) assert.deepEqual(shut(other), all, other);
  });

  test("firewalld routes what its own rules let through, by a policy that is made once", () => {
    const chain = { family: "inet", table: "firewalld", name: "filter_FORWARD", handle: 1, type: "filter", hook: "forward", prio: 10, policy: "accept" };
    const rule = (...expr: readonly unknown[]): object => ({ rule: { family: "inet", table: "firewalld", chain: "filter_FORWARD", handle: 2, expr } });
    const rules = (...more: readonly object[]): string => JSON.stringify({ nftables: [{ chain }, ...more, rule({ reject: { type: "icmpx", expr: "admin-prohibited" } })] });
    const seen = firewalld(settings("ssh"));
    assert.deepEqual(closed({ firewalld: seen, nftables: rules() }, routing), ["firewalld public forward"]);
    const policy = rules(rule({ match: { op: "==", left: { payload: { protocol: "ip", field: "saddr" } }, right: { prefix: { addr: "10.77.0.0", len: 24 } } } }, { accept: null }));
    assert.deepEqual(closed({ firewalld: seen, nftables: policy }, routing), []);
    assert.deepEqual(closed({ firewalld: seen, nftables: policy, opened: ["public forward"] }, routing), ["firewalld public forward"]);
    const told = commands({ firewalld: seen, nftables: rules() }, "person", routing);
    assert.equal(told.filter((line) => line.includes("--policy=pxe-gateway --add-rich-rule='rule family=ipv4 source address=10.77.0.0/24 accept'")).length, 1);
    assert.equal(told.at(-1), "firewall-cmd --quiet --reload");
    const done = commands({ firewalld: seen, nftables: rules() }, "deployment", routing);
    assert.equal(done.length, 1);
    assert.match(done[0] ?? "", /^firewall-cmd --info-policy=pulumi-pxe >\/dev\/null 2>&1 \|\| \{ .*<source address="10\.77\.0\.0\/24"\/>.* >\/etc\/firewalld\/policies\/pulumi-pxe\.xml && firewall-cmd --quiet --reload; \}$/);
  });
});
