/** Which slots a key has. Nearly every key has one, and that one stands in the map itself. */
export class SlotIndex<K> {
  private readonly slots = new Map<K, number | number[]>();

  /** In the order in which they were added. */
  of(key: K): readonly number[] {
    const found = this.slots.get(key);
    if (found === undefined) return [];
    return typeof found === "number" ? [found] : found;
  }

  add(key: K, slot: number): void {
    const found = this.slots.get(key);
    if (found === undefined) this.slots.set(key, slot);
    else if (typeof found === "number") this.slots.set(key, [found, slot]);
    else found.push(slot);
  }

  remove(key: K, slot: number): void {
    const found = this.slots.get(key);
    if (found === slot) {
      this.slots.delete(key);
    } else if (typeof found === "object") {
      const rest = found.filter((other) => other !== slot);
      const [only] = rest;
      this.slots.set(key, rest.length === 1 && only !== undefined ? only : rest);
    }
  }
}
