import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { errorText, finding, throwFindings, type Finding } from "../provider/errors";

/* eslint-disable @typescript-eslint/no-require-imports -- A program without an inventory must not pay for loading these. */
const csvParser = (): typeof import("csv-parse/sync") => require("csv-parse/sync") as typeof import("csv-parse/sync");
const yamlParser = (): typeof import("yaml") => require("yaml") as typeof import("yaml");
const model = (): typeof import("../provider/model/documents") => require("../provider/model/documents") as typeof import("../provider/model/documents");
/* eslint-enable @typescript-eslint/no-require-imports */

/** A machine of an inventory: plain values, ready for a group, or with `...` for a `KickstartHost`. */
export interface InventoryHost {
  /** Its MAC addresses; the first is the one it boots from. */
  macs: string[];
  /** A reserved address. Default: one from the subnet's pools. */
  ip?: string;
  /** Default: its name. */
  hostname?: string;
  /** Its SMBIOS UUID. Default: it is known by its MACs alone. */
  uuid?: string;
  /** Default: `once`, or the group's. */
  install?: "once" | "never";
  /** A text that was never used for this host orders one new installation: **the machine's disk is overwritten**. */
  reinstall?: string;
}

/** Machines by name. */
export type Inventory = Record<string, InventoryHost>;

/** What the readers of texts take beside the text. */
export interface InventoryOptions {
  /** How the inventory is called in errors: its file's name. */
  name?: string | undefined;
}

const columns = ["name", "mac", "ip", "hostname", "uuid", "install", "reinstall"] as const;
type Column = (typeof columns)[number];

/** A machine's values as they are written, several only for `mac`, and where each stands if that isn't the row's line. */
interface Row {
  readonly line: number;
  readonly at?: Partial<Record<Column, number>>;
  readonly values: Partial<Record<Column, readonly string[]>>;
}

/**
 * Reads machines from a text of comma-separated values (RFC 4180). Its first line names the columns, of which `name` and `mac` are
 * needed: name, mac (several separated by spaces or semicolons), ip, hostname, uuid, install, reinstall. Lines that begin with #
 * are comments.
 * @throws Error that tells everything that is wrong by line
 */
export function csv(text: string, options: InventoryOptions = {}): Inventory {
  const reader = new Reader(options.name ?? "inventory");
  let records: { record: string[]; info: { lines: number } }[];
  try {
    const settings = { info: true, bom: true, trim: true, relax_column_count: true, skip_empty_lines: true, comment: "#", comment_no_infix: true } as const;
    records = csvParser().parse(text, settings) as unknown as typeof records;
  } catch (error) {
    throw reader.failed(errorText(error));
  }
  const [header, ...rest] = records;
  if (header === undefined) throw reader.failed("holds no line that names its columns");
  const [only = "", ...others] = header.record;
  if (others.length === 0 && /[;\t]/.test(only)) throw reader.failed("has semicolons or tabs between its columns: save it with commas");
  const named = header.record.map((column) => reader.column(column, header.info.lines));
  for (const column of repeated(named)) reader.wrong(header.info.lines, `names the column "${column}" twice: several MACs stand in one cell`);
  for (const column of ["name", "mac"] as const) if (!named.includes(column)) reader.wrong(header.info.lines, `names no column "${column}"`);
  for (const { record, info } of rest) {
    if (record.length > named.length) reader.wrong(info.lines, `has ${String(record.length)} values for ${String(named.length)} columns`);
    const cells = named.flatMap((column, index): [Column, string[]][] => {
      const cell = record[index] ?? "";
      if (column === undefined || cell === "") return [];
      return [[column, column === "mac" ? cell.split(/[\s;]+/).filter((mac) => mac !== "") : [cell]]];
    });
    reader.add({ line: info.lines, values: Object.fromEntries(cells) });
  }
  return reader.end();
}

/**
 * Reads machines from YAML: a map of names, or a list whose items have a `name`. Of each: mac (one or a list), ip, hostname, uuid,
 * install, reinstall. Values are taken as they are written: a `reinstall` of 2026 is text.
 * @throws Error that tells everything that is wrong by line
 */
export function yaml(text: string, options: InventoryOptions = {}): Inventory {
  const reader = new Reader(options.name ?? "inventory");
  const { parseDocument, LineCounter, isAlias, isMap, isSeq, isScalar } = yamlParser();
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const lineOf = (node: unknown): number => lines.linePos((node as { range?: readonly number[] } | null)?.range?.[0] ?? 0).line;
  for (const error of document.errors) reader.wrong(lines.linePos(error.pos[0]).line, error.message.split("\n")[0]?.replace(/ at line .*$/, "") ?? "is no YAML");
  if (document.errors.length > 0) return reader.end();
  const written = (node: unknown): string[] => {
    if (isSeq(node)) return node.items.flatMap(written);
    if (!isScalar(node)) return reader.wrong(lineOf(node), `holds ${isAlias(node) ? "an alias" : "a map"} where a text is meant`);
    return node.value === null ? [] : [node.source ?? JSON.stringify(node.value)];
  };
  const add = (name: readonly string[], node: unknown, line: number): void => {
    if (isAlias(node)) return void reader.wrong(line, "is an alias: write the machine's properties out");
    if (!isMap(node)) return void reader.wrong(line, "is not a map of a machine's properties");
    const cells = node.items.flatMap(({ key, value }) => {
      const column = reader.column(written(key)[0] ?? "", lineOf(key));
      return column === undefined ? [] : [{ column, line: lineOf(key), texts: written(value) }];
    });
    for (const column of repeated(cells.map((cell) => cell.column))) reader.wrong(line, `says ${column} twice`);
    const values = Object.fromEntries(cells.map(({ column, texts }) => [column, texts]));
    reader.add({ line, values: { ...(name.length === 0 ? {} : { name }), ...values }, at: Object.fromEntries(cells.map((cell) => [cell.column, cell.line])) });
  };
  const { contents } = document;
  if (isMap(contents)) for (const { key, value } of contents.items) add(written(key), value, lineOf(key));
  else if (isSeq(contents)) for (const item of contents.items) add([], item, lineOf(item));
  else reader.wrong(1, "is neither a map of machines nor a list of them");
  return reader.end();
}

/**
 * Reads machines from a file whose name ends in .csv, .yaml or .yml. Paths are relative to the program's folder.
 * @throws Error that tells everything that is wrong by line
 */
export function file(path: string): Inventory {
  const parse = /\.ya?ml$/i.test(path) ? yaml : /\.csv$/i.test(path) ? csv : undefined;
  if (parse === undefined) throw new TypeError(`inventory.file("${path}"): the name must end in .csv, .yaml or .yml`);
  return parse(readFileSync(path, "utf8"), { name: basename(path) });
}

/** Those that stand in a list more than once. */
function repeated(columns: readonly (Column | undefined)[]): Set<Column> {
  return new Set(columns.filter((column, index): column is Column => column !== undefined && columns.indexOf(column) !== index));
}

/** Collects machines, and everything that is wrong with any of them. */
class Reader {
  private readonly hosts: Inventory = {};
  private readonly seen = new Map<string, number>();
  private readonly findings: Finding[] = [];

  constructor(private readonly name: string) {}

  wrong(line: number, what: string): never[] {
    this.findings.push(finding("PXE_INPUT_INVALID", `${this.name} line ${String(line)}: ${what}`, { fix: "Correct the line." }));
    return [];
  }

  failed(what: string): Error {
    return new Error(`PXE_INPUT_INVALID: ${this.name} ${what}`);
  }

  column(title: string, line: number): Column | undefined {
    const folded = title.toLowerCase();
    const found = columns.find((column) => column === folded || (column === "mac" && folded === "macs"));
    if (found === undefined) this.wrong(line, `"${title}" is none of the columns ${columns.join(", ")}`);
    return found;
  }

  add({ line, values, at = {} }: Row): void {
    const { hostSpec, documentName } = model();
    const { name: names, mac: macs = [], ...rest } = values;
    const [name] = names ?? [];
    if (name === undefined) return void this.wrong(line, "names no machine");
    this.once(`name ${name}`, at.name ?? line);
    if (macs.length === 0) this.wrong(line, `${name} has no mac`);
    this.valid(at.name ?? line, "name", name, documentName);
    for (const mac of macs) {
      this.valid(at.mac ?? line, "mac", mac, hostSpec.shape.macs.element);
      this.once(`mac ${mac.toLowerCase().replaceAll("-", ":")}`, at.mac ?? line);
    }
    const given: Record<string, string> = {};
    for (const column of ["ip", "hostname", "uuid", "install", "reinstall"] as const) {
      const [value, ...more] = rest[column] ?? [];
      if (value === undefined) continue;
      const here = at[column] ?? line;
      if (more.length > 0) this.wrong(here, `${column} has more than one value`);
      if (column !== "reinstall") this.valid(here, column, value, hostSpec.shape[column]);
      if (column === "ip" || column === "uuid") this.once(`${column} ${value.toLowerCase()}`, here);
      given[column] = value;
    }
    this.hosts[name] = { macs: [...macs], ...given };
  }

  /** @throws Error with all that was found */
  end(): Inventory {
    throwFindings(this.findings);
    return this.hosts;
  }

  private valid(line: number, column: string, value: string, schema: { safeParse(value: unknown): { success: boolean; error?: { issues: readonly { message: string }[] } | undefined } }): void {
    const result = schema.safeParse(value);
    if (!result.success) this.wrong(line, `${column} "${value}" ${result.error?.issues[0]?.message ?? "is wrong"}`);
  }

  private once(what: string, line: number): void {
    const before = this.seen.get(what);
    if (before === undefined) this.seen.set(what, line);
    else this.wrong(line, `the ${what} stands in line ${String(before)} already`);
  }
}
