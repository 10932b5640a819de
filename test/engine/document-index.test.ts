import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { DocumentIndex, documentKey, identitiesOf } from "../../provider/engine/document-index";
import type { InstallFacts } from "../../provider/engine/facts";
import { FactsDraft, FactsIndex } from "../../provider/engine/facts-index";
import { DocumentView } from "../../provider/engine/view";
import type { HostDocument, Stored } from "../../provider/model/documents";
import { hostDocument, owner, profileDocument, serverDocument, subnetDocument } from "../support/documents";

const macs = ["52:54:00:00:00:01", "52:54:00:00:00:02", "52:54:00:00:00:03"];
const names = ["db1", "db2", "db3", "db4"];

const host = fc.record({ name: fc.constantFrom(...names), macs: fc.uniqueArray(fc.constantFrom(...macs), { minLength: 1 }), ip: fc.integer({ min: 11, max: 13 }) })
  .map((item) => hostDocument({ macs: item.macs, ip: `10.77.0.${String(item.ip)}` }, item.name));
const other = fc.constantFrom(
  serverDocument(), profileDocument(), profileDocument({}, "old"), subnetDocument(), subnetDocument({}, "rival"), subnetDocument({ cidr: "10.78.0.0/24", pools: [], routers: [] }, "apart"),
);
const document = fc.oneof(host, host, other);
const change = fc.record({ remove: fc.boolean(), document });

/** All that an index tells. */
function told(index: DocumentIndex): unknown {
  const identities = [...macs.map((mac) => `mac ${mac}`), ...[11, 12, 13].map((last) => `ip 10.77.0.${String(last)}`)];
  return {
    all: [...index.all()].map(label).sort(), hosts: index.hosts.map(label), server: label(index.server), subnets: index.subnets.map(label),
    profiles: ["debian12", "old"].map((name) => label(index.profile(`${owner} ${name}`))), named: names.map((name) => label(index.host(`${owner} ${name}`))),
    newest: identities.map((identity) => label(index.newest(identity))),
    around: identities.map((identity) => index.around([identity]).map(label).sort()),
  };
}

function label(doc: Stored | undefined): string {
  return doc === undefined ? "" : `${documentKey(doc)} ${String(doc.rev)}`;
}

describe("documents in an index", () => {
  test("changed bit by bit it tells what one of the documents that are left tells", () => {
    fc.assert(fc.property(fc.array(change, { maxLength: 40 }), (changes) => {
      const index = new DocumentIndex();
      const left = new Map<string, Stored>();
      for (const [rev, { remove, document: doc }] of changes.entries()) {
        const stored = { ...doc, rev };
        if (remove) index.remove(documentKey(doc));
        else index.put(stored);
        left.delete(documentKey(doc));
        if (!remove) left.set(documentKey(doc), stored);
        // Asked in between: what it has kept must not grow stale.
        assert.equal(index.hosts.length, [...left.values()].filter((item) => item.kind === "host").length);
        assert.equal(index.server === undefined, !left.has(documentKey(serverDocument())));
      }
      assert.deepEqual(told(index), told(new DocumentIndex(left.values())));
    }));
  });

  test("a view that was asked before a change tells after it what a new one tells", () => {
    const facts = (item: Stored<HostDocument>): InstallFacts => ({
      id: item.name, owner, name: item.name, macs: item.spec.macs, uuids: [], state: "adopted", since: 0, reason: "", token: null,
      armedUntil: null, installedAt: null, consumed: [], sshHostKeys: [],
    });
    fc.assert(fc.property(fc.array(change, { maxLength: 30 }), (changes) => {
      const index = new DocumentIndex();
      const live = new DocumentView(index, facts, () => undefined);
      for (const [rev, { remove, document: doc }] of changes.entries()) {
        if (remove) index.remove(documentKey(doc));
        else index.put({ ...doc, rev });
        assert.deepEqual([...live.hosts()], [...new DocumentView([...index.all()], facts, () => undefined).hosts()]);
      }
    }));
  });

  test("who claims an identity, the newest first, is what looking at every host finds", () => {
    fc.assert(fc.property(fc.array(host, { maxLength: 12 }), (hosts) => {
      const stored = [...new Map(hosts.map((doc, rev): [string, Stored<HostDocument>] => [doc.name, { ...doc, rev }])).values()];
      const index = new DocumentIndex(stored);
      for (const identity of stored.flatMap(identitiesOf)) {
        const claimants = stored.filter((doc) => identitiesOf(doc).includes(identity)).sort((a, b) => b.rev - a.rev);
        assert.equal(index.newest(identity), claimants[0]);
        assert.deepEqual(new Set(index.around([identity])), new Set(claimants));
      }
    }));
  });
});

const record = fc.record({ id: fc.constantFrom("a", "b", "c", "d"), name: fc.constantFrom(...names), macs: fc.uniqueArray(fc.constantFrom(...macs)), token: fc.constantFrom(null, "t1", "t2", "t3") })
  .map((item): InstallFacts => ({
    ...item, token: item.token === null ? null : `${item.token} of ${item.id}`, owner, uuids: [], state: "adopted", since: 0, reason: "", armedUntil: null, installedAt: null, consumed: [], sshHostKeys: [],
  }));
const step = fc.record({ remove: fc.boolean(), record });

describe("install records in an index", () => {
  test("changed bit by bit, at once or as a draft, it finds what looking at every record finds", () => {
    fc.assert(fc.property(fc.array(step, { maxLength: 15 }), fc.array(step, { maxLength: 15 }), host, (before, after, asked) => {
      const left = new Map<string, InstallFacts>();
      const take = (into: Pick<FactsIndex, "put" | "remove">, steps: typeof before): void => {
        for (const { remove, record: facts } of steps) {
          left.delete(facts.id);
          if (remove) into.remove(facts.id);
          else {
            into.put(facts);
            left.set(facts.id, facts);
          }
        }
      };
      const check = (facts: Pick<FactsIndex, "named" | "of" | "get">): void => {
        const byId = [...left.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
        assert.deepEqual(facts.named(asked), byId.filter((item) => item.name === asked.name));
        assert.deepEqual(facts.of(asked), byId.filter((item) => item.name === asked.name || item.macs.some((mac) => asked.spec.macs.includes(mac))));
        for (const id of ["a", "b", "c", "d"]) assert.equal(facts.get(id), left.get(id));
      };
      const index = new FactsIndex();
      take(index, before);
      check(index);
      for (const token of ["t1", "t2", "t3"]) for (const id of ["a", "b", "c", "d"]) {
        assert.equal(index.byToken(`${token} of ${id}`), [...left.values()].find((item) => item.token === `${token} of ${id}`));
      }
      const kept = [...index.all()];
      const draft = new FactsDraft(index);
      take(draft, after);
      check(draft);
      assert.deepEqual([...index.all()], kept);
    }));
  });
});
