/** Several values by a key. */
export class Multimap<K, V> {
  private readonly values = new Map<K, Set<V>>();

  add(key: K, value: V): void {
    const there = this.values.get(key);
    if (there === undefined) this.values.set(key, new Set([value]));
    else there.add(value);
  }

  remove(key: K, value: V): void {
    this.values.get(key)?.delete(value);
  }

  get(key: K): Iterable<V> {
    return this.values.get(key) ?? [];
  }
}
