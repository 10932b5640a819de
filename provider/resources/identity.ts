import * as z from "zod";
import { connectionSchema } from "./residence";
import { pxeError, throwFindings, type Finding } from "../errors";
import { documentLabel, documentName, ownerName, type DocumentKind } from "../model/documents";
import { nameOf, text, type Plain } from "./definition";
import { validateKnown, type Checked } from "./validate";

/** Inputs that the SDK adds to those that the user gives. */
const ownInputs = z.object({ owner: ownerName, self: z.string().regex(/^\w+::./) });
const childInputs = ownInputs.extend({ server: z.string(), connection: connectionSchema, controlKey: z.string() });

/** The inputs that the user gave: those that the SDK added and those that check computed taken away. */
export function userInputs(inputs: Plain, computed: readonly string[]): Record<string, unknown> {
  const added = ["owner", "self", "server", "connection", "controlKey", ...computed];
  return Object.fromEntries(Object.entries(inputs).filter(([key]) => !added.includes(key)));
}

/** What every resource's check does first. */
export interface Identity {
  readonly owner: string;
  readonly name: string;
  readonly self: string;
  /** `host/db1` */
  readonly label: string;
  readonly findings: readonly Finding[];
}

/** @param kind of its document; a group has none of its own */
export function identify(kind: DocumentKind | "group", inputs: Plain): Identity {
  const name = nameOf(inputs);
  const label = kind === "group" ? `group/${name}` : documentLabel({ kind, name });
  const schema = kind === "server" ? ownInputs : childInputs;
  const own = validateKnown(schema, inputs, label);
  const named = validateKnown(z.object({ name: documentName }), { name }, label);
  return { owner: text(inputs, "owner"), name, self: text(inputs, "self"), label, findings: [...named.findings, ...own.findings] };
}

/** What check has accepted, again; inputs that were not checked never get here. */
export function checkedSpec<T>(spec: Checked<T>): T {
  throwFindings(spec.findings);
  if (spec.value === undefined) throw pxeError("PXE_INTERNAL", "inputs arrived that are not known yet");
  return spec.value;
}
