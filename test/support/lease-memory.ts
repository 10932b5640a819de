import { LeaseTable } from "../../provider/engine/lease-table";
import { formatIpv4, ipv4 } from "../../provider/model/ip";

/** `node --expose-gc lease-memory.js COUNT plain|duid`: what so many leases add to the process, as JSON. */
function main(count: number, kind: string): void {
  const collect = (globalThis as { gc?: () => void }).gc;
  if (collect === undefined) throw new Error("run it with --expose-gc");
  const measured = (): NodeJS.MemoryUsage => {
    collect();
    collect();
    return process.memoryUsage();
  };
  const table = new LeaseTable();
  const put = (index: number): void => {
    const digits = index.toString(16).padStart(8, "0");
    const mac = `52:54:${(digits.match(/../g) ?? []).join(":")}`;
    const clientId = kind === "plain" ? `01${mac.replaceAll(":", "")}` : `ff${digits}00010001${digits}525400${digits}`;
    table.apply({ type: "lease.put", lease: { address: formatIpv4(ipv4("10.80.0.0") + index), mac, clientId, owner: "lab/test", subnet: "provisioning", state: "active", expiresAt: 1_900_000_000_000 + index } });
  };
  // Twice, so that compiling is not taken for leases.
  for (let index = 0; index < 5000; index++) put(index);
  const before = measured();
  for (let index = 0; index < count; index++) put(index);
  const after = measured();
  const growth = (key: keyof NodeJS.MemoryUsage): number => Math.round((after[key] - before[key]) / (count - 5000));
  process.stdout.write(JSON.stringify({ held: growth("heapUsed") + growth("arrayBuffers"), resident: growth("rss") }));
}

main(Number(process.argv[2]), process.argv[3] ?? "plain");
