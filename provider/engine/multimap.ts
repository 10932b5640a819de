/** Several values by a key, each key's in the order in which they came. */
export class Multimap<K, V> {
  private readonly values = new Map<K, Set<V>>();

  add(key: K, value: V): void {
    const there = this.values.get(key);
    if (there === undefined) this.values.set(key, new Set([value]));
    else there.add(value);
  }

  remove(key: K, value: V): void {
    const there = this.values.get(key);
    if (there?.delete(value) === true && there.size === 0) this.values.delete(key);
  }

  clear(): void {
    this.values.clear();
  }

  get(key: K): Iterable<V> {
    return this.values.get(key) ?? [];
  }
}
