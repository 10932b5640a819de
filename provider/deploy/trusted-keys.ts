/** The host keys that `trust-first` connections of this process are bound to: `host:port` → fingerprint. */
const trusted = new Map<string, string>();

const address = (host: string, port: number): string => `${host}:${String(port)}`;

/**
 * Binds every later `trust-first` connection of this process to an address, whoever makes it, to a host key recorded earlier.
 * Loads no SSH library.
 * @param fingerprint `SHA256:…`
 */
export function expectHostKey(host: string, port: number, fingerprint: string): void {
  trusted.set(address(host, port), fingerprint);
}

/** The fingerprint that an address is bound to; undefined where none was recorded or seen yet. */
export function expectedHostKey(host: string, port: number): string | undefined {
  return trusted.get(address(host, port));
}
