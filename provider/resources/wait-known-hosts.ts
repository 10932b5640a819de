import type { HostStatus } from "../model/control";

/** A public key as it stands in its file: a known_hosts line without its names. */
const bareKey = /^(ssh-|ecdsa-|sk-)\S+ \S+/;

/** Lines for a known_hosts file: the machine's address and name before each of its keys (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT). */
export function knownHosts({ name, address, sshHostKeys }: Pick<HostStatus, "name" | "address" | "sshHostKeys">): string[] {
  const names = address === null ? name : `${address},${name}`;
  return sshHostKeys.map((line) => {
    const key = bareKey.exec(line)?.[0];
    return key === undefined ? line : `${names} ${key}`;
  });
}
