import ejs from "ejs";
import { PxeError, errorText, pxeError } from "../errors";
import type { AnswerFormat } from "../model/documents";
import { placeholders } from "./placeholders";
import { isHarmless, quote, quoteStyles, type QuoteStyle } from "./quote";

/** What a template may name. */
export interface TemplateScope {
  readonly host: {
    readonly name: string;
    readonly hostname: string;
    readonly macs: readonly string[];
    /** Its reservation; without one a template sees what stands for the leased address. */
    readonly ip?: string | undefined;
    readonly domainName: string;
  };
  readonly subnet: {
    readonly cidr: string;
    readonly netmask: string;
    readonly routers: readonly string[];
    readonly dnsServers: readonly string[];
  };
  readonly profile: { readonly name: string; readonly family: string; readonly release: string; readonly repository: string };
  readonly vars: Readonly<Record<string, unknown>>;
  /** Names of the host's secrets; a template sees placeholders, never values. Undefined where they are not known yet. */
  readonly secretNames: readonly string[] | undefined;
}

/** Text that stands for itself: already quoted for its place. */
class Quoted {
  constructor(readonly text: string) {}
  /** For `<%- %>`, which prints without asking. */
  toString(): string {
    return this.text;
  }
}

/** A secret inside a template: it prints as its placeholder, and a quoting helper marks the placeholder to be quoted on the agent. */
class SecretReference {
  constructor(readonly name: string) {}
  toString(): string {
    return placeholders.secret(this.name);
  }
  /** `"x" + secrets.y` would carry a placeholder into a value, where no helper can quote what it stands for. */
  [Symbol.toPrimitive](hint: string): string {
    if (hint === "string") return this.toString();
    throw pxeError("PXE_TEMPLATE_UNSAFE", `secrets.${this.name} cannot be joined to other text`, { fix: "Print it by itself, wrapped in the helper for its place." });
  }
}

/** What the agent fills in, as templates name it: printed as it is wherever it stands. */
function agentValue(placeholder: string): Quoted {
  return new Quoted(placeholder);
}

function quoteValue(style: QuoteStyle, value: unknown): Quoted {
  if (value instanceof SecretReference) return new Quoted(placeholders.secret(value.name, style));
  if (value instanceof Quoted) return value;
  return new Quoted(quote(style, printable(value)));
}

function printable(value: unknown): string {
  if (typeof value === "string") {
    // They begin and end what the agent replaces.
    if (/[‹›]/u.test(value.replaceAll(placeholders.unknown, ""))) throw pxeError("PXE_TEMPLATE_UNSAFE", "a value holds ‹ or ›", { fix: "Take the character out of the value." });
    return value;
  }
  if (typeof value === "number" || typeof value === "boolean" || typeof value === "bigint") return String(value);
  throw pxeError("PXE_TEMPLATE_FAILED", `a ${value === null ? "null" : typeof value} cannot be printed`);
}

/** What `<%= %>` does with a value. */
function escapeValue(value: unknown): string {
  if (value instanceof Quoted) return value.text;
  if (value instanceof SecretReference) return value.toString();
  const text = printable(value);
  const known = text.replaceAll(placeholders.unknown, "");
  if (isHarmless(known)) return text;
  // Not the value itself: it may be a secret, which nothing tells here.
  const unsafe = [...new Set(known)].filter((character) => !isHarmless(character)).slice(0, 5);
  throw pxeError("PXE_TEMPLATE_UNSAFE", `a value holds ${unsafe.map((character) => JSON.stringify(character)).join(", ")}, which may be read as syntax`);
}

function secretsOf(names: readonly string[] | undefined): Record<string, SecretReference> {
  if (names === undefined) return laterSecrets();
  const known = Object.fromEntries(names.map((name) => [name, new SecretReference(name)]));
  return new Proxy(known, {
    get(target, name): SecretReference {
      const reference = typeof name === "string" ? target[name] : undefined;
      if (reference === undefined) throw new ReferenceError(`secrets.${String(name)} is not declared on the host`);
      return reference;
    },
  });
}

/** Any name may turn out to be one; what asks which there are can't be answered. */
function laterSecrets(): Record<string, SecretReference> {
  const refuse = (): never => {
    throw new ReferenceError("which secrets the host has is not known yet");
  };
  return new Proxy<Record<string, SecretReference>>({}, {
    get: (_target, name) => (typeof name === "string" ? new SecretReference(name) : refuse()), has: refuse, ownKeys: refuse,
  });
}

/** Shell commands for the installer, ready to stand in an answer file (print them with `<%- %>`). */
function callbacks(format: AnswerFormat): { report: (stage: string) => string; done: () => string } {
  const report = `http://${placeholders.server}/report/${placeholders.token}`;
  const done = `http://${placeholders.server}/done/${placeholders.token}`;
  const post = (url: string, body: string): string =>
    format === "preseed"
      ? `wget -q -O /dev/null --post-data ${body} ${url}`
      : `curl -sS -f -o /dev/null --data-binary ${body} ${url}`;
  // debian-installer's late_command runs outside the new system, Anaconda's %post inside; Anaconda makes no host keys by itself.
  const keys = format === "preseed" ? "cat /target/etc/ssh/ssh_host_*_key.pub" : "ssh-keygen -A >/dev/null; cat /etc/ssh/ssh_host_*_key.pub";
  return {
    report: (stage) => `${post(report, quote("sh", `stage=${stage}`))} || true`,
    done: () => `for try in 1 2 3 4 5; do ${post(done, `"$(${keys} 2>/dev/null)"`)} && break; sleep 5; done`,
  };
}

/**
 * Renders an answer file. Runs in the operator's program only: EJS executes what the template says.
 * @throws PxeError PXE_TEMPLATE_FAILED or PXE_TEMPLATE_UNSAFE with the template's name and line
 */
export function renderAnswer(format: AnswerFormat, template: string, scope: TemplateScope): string {
  const name = `${scope.profile.name}.answer.template`;
  const names = ["host", "subnet", "profile", "server", "vars", "secrets", "pxe", ...quoteStyles];
  const locals = {
    host: { ...scope.host, ip: scope.host.ip ?? agentValue(placeholders.address) },
    subnet: scope.subnet,
    profile: scope.profile,
    server: agentValue(placeholders.server),
    vars: scope.vars,
    secrets: secretsOf(scope.secretNames),
    pxe: callbacks(format),
    ...Object.fromEntries(quoteStyles.map((style) => [style, (value: unknown) => quoteValue(style, value)])),
  };
  try {
    return ejs.render(template, locals, {
      filename: name, strict: true, destructuredLocals: names, escape: escapeValue as (text: string) => string, compileDebug: true,
    });
  } catch (error) {
    throw templateError(name, scope, error);
  }
}

/** EJS puts `name:line` and the lines around it before the message. */
function templateError(name: string, scope: TemplateScope, error: unknown): PxeError {
  const text = errorText(error);
  const line = /:(\d+)\n/.exec(text)?.[1];
  const reason = text.trim().split("\n").findLast((part) => part.trim() !== "") ?? "it throws";
  const code = text.includes("PXE_TEMPLATE_UNSAFE") ? "PXE_TEMPLATE_UNSAFE" : "PXE_TEMPLATE_FAILED";
  const clean = reason.replace(/^PXE_[A-Z_]+: /, "").replace(/\. Wrap the value.*$|\. Correct the template.*$/, "");
  const where = line === undefined ? name : `${name}, line ${line}`;
  return pxeError(code, `${where}, for host ${scope.host.name}: ${clean}`, {
    where: [{ document: `profile/${scope.profile.name}`, property: "answer.template" }, { document: `host/${scope.host.name}` }],
    cause: error,
  });
}
