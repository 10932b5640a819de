import type { HostDocument } from "../model/documents";
import { ownedKey } from "./document-index";
import type { InstallFacts } from "./facts";
import { Multimap } from "./multimap";

interface Named {
  readonly owner: string;
  readonly name: string;
}

/** Where install records are looked up. */
export interface FactsLookup {
  get(id: string): InstallFacts | undefined;
  /** The records of that name. */
  named(host: Named): InstallFacts[];
  /** The records that share the host's name, a MAC or its UUID, in the order of their ids. */
  of(host: HostDocument): InstallFacts[];
}

/** Install records by id, name, MAC, UUID and token, kept by each change. */
export class FactsIndex implements FactsLookup {
  private readonly records = new Map<string, InstallFacts>();
  private readonly ids = new Multimap<string, string>();
  private readonly tokens = new Map<string, string>();

  constructor(facts: Iterable<InstallFacts> = []) {
    for (const item of facts) this.put(item);
  }

  put(facts: InstallFacts): void {
    this.remove(facts.id);
    this.records.set(facts.id, facts);
    for (const key of keysOf(facts, facts)) this.ids.add(key, facts.id);
    if (facts.token !== null) this.tokens.set(facts.token, facts.id);
  }

  remove(id: string): void {
    const facts = this.records.get(id);
    if (facts === undefined) return;
    this.records.delete(id);
    for (const key of keysOf(facts, facts)) this.ids.remove(key, id);
    if (facts.token !== null) this.tokens.delete(facts.token);
  }

  clear(): void {
    for (const part of [this.records, this.ids, this.tokens]) part.clear();
  }

  get(id: string): InstallFacts | undefined {
    return this.records.get(id);
  }

  all(): Iterable<InstallFacts> {
    return this.records.values();
  }

  byToken(token: string): InstallFacts | undefined {
    return this.records.get(this.tokens.get(token) ?? "");
  }

  named(host: Named): InstallFacts[] {
    return this.found([nameKey(host)]);
  }

  of(host: HostDocument): InstallFacts[] {
    const { macs, uuid } = host.spec;
    return this.found(keysOf(host, { macs, uuids: uuid === undefined ? [] : [uuid] }));
  }

  private found(keys: readonly string[]): InstallFacts[] {
    const ids = new Set(keys.flatMap((key) => [...this.ids.get(key)]));
    return sorted([...ids].flatMap((id) => this.records.get(id) ?? []));
  }
}

/** Records while a batch is decided: what it changes lies over what there is, which stays as it is. */
export class FactsDraft implements FactsLookup {
  private readonly own = new FactsIndex();
  private readonly hidden = new Set<string>();

  constructor(private readonly base: FactsLookup) {}

  put(facts: InstallFacts): void {
    this.hidden.add(facts.id);
    this.own.put(facts);
  }

  remove(id: string): void {
    this.hidden.add(id);
    this.own.remove(id);
  }

  get(id: string): InstallFacts | undefined {
    return this.hidden.has(id) ? this.own.get(id) : this.base.get(id);
  }

  named(host: Named): InstallFacts[] {
    return this.over((facts) => facts.named(host));
  }

  of(host: HostDocument): InstallFacts[] {
    return this.over((facts) => facts.of(host));
  }

  private over(look: (facts: FactsLookup) => InstallFacts[]): InstallFacts[] {
    return sorted([...look(this.base).filter(({ id }) => !this.hidden.has(id)), ...look(this.own)]);
  }
}

function sorted(facts: InstallFacts[]): InstallFacts[] {
  return facts.sort((a, b) => (a.id < b.id ? -1 : 1));
}

function nameKey(named: Named): string {
  return `name ${ownedKey(named)}`;
}

function keysOf(named: Named, identity: { readonly macs: readonly string[]; readonly uuids: readonly string[] }): string[] {
  return [nameKey(named), ...identity.macs.map((mac) => `mac ${mac}`), ...identity.uuids.map((uuid) => `uuid ${uuid}`)];
}
