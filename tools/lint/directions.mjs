/**
 * Which folder may import what. Imports point one way: the pure folders (wire, engine, render, model, errors) know nothing of
 * sockets, files and Pulumi, and what a program loads never pulls in the agent or SSH.
 */
const pure = ["model", "render", "engine", "wire", "errors"];
/** Their functions depend on nothing but their arguments. */
const pureBuiltins = ["buffer", "util"];
const everything = ["sdk", "deploy", ...pure, "agent", "cli", "lab"];

/**
 * By area: `own`: the areas it may import besides itself; `packages`: the only ones it may import, where that is limited;
 * `builtins`: the same for Node's own modules.
 */
export const areas = {
  errors: { files: /^provider\/errors\.ts$/, own: [], packages: [], builtins: pureBuiltins },
  wire: { files: /^provider\/wire\//, own: ["errors"], packages: [], builtins: pureBuiltins },
  model: { files: /^provider\/model\//, own: ["errors"], packages: ["zod", "ipaddr.js"], builtins: pureBuiltins },
  engine: { files: /^provider\/engine\//, own: ["wire", "model", "errors"], packages: [], builtins: pureBuiltins },
  // createHash: a digest of a secret stands in the plan in its place.
  render: { files: /^provider\/render\//, own: ["model", "errors"], packages: ["ejs"], builtins: [...pureBuiltins, "crypto"] },
  deploy: { files: /^provider\/deploy\//, own: ["model", "errors"] },
  agent: { files: /^provider\/agent\//, own: ["engine", "render", "wire", "model", "errors"] },
  resources: { files: /^provider\/resources\//, own: ["deploy", "render", "engine", "model", "errors"] },
  // Every state file names it: it stays a list of names.
  entry: { files: /^provider\/index\.ts$/, own: ["resources"], packages: [], builtins: [] },
  sdk: { files: /^sdk\//, own: ["model", "render", "errors"] },
  cli: { files: /^cli\//, own: everything },
  lab: { files: /^lab\//, own: everything },
  examples: { files: /^examples\//, own: ["sdk"] },
  bench: { files: /^bench\//, own: [...everything, "resources", "entry"] },
  test: { files: /^test\//, own: [...everything, "resources", "entry", "examples", "bench"] },
};

/** Packages that only these areas may import. */
export const reserved = {
  "@pulumi/pulumi": ["sdk", "examples", "test", "bench"],
  ssh2: ["deploy", "lab", "test", "bench"],
  koffi: ["agent", "lab", "test", "bench"],
};

export function areaOf(path) {
  return Object.keys(areas).find((name) => areas[name].files.test(path));
}

/** Why the file at `from` (a path in the repository) may not import `specifier`; undefined where it may. */
export function refuse(from, specifier) {
  const area = areaOf(from);
  if (area === undefined) return undefined;
  const { own, packages, builtins } = areas[area];
  if (specifier.startsWith(".")) {
    const path = resolve(from, specifier);
    const target = areaOf(path) ?? areaOf(`${path}.ts`) ?? areaOf(`${path}/index.ts`);
    if (target === undefined) return `${area} imports ${path}, which is no source folder`;
    return target === area || own.includes(target) ? undefined : `${area} may not import ${target}, only ${list(own)}`;
  }
  if (specifier.startsWith("node:")) {
    const name = specifier.slice("node:".length);
    return builtins === undefined || builtins.includes(name) ? undefined : `${area} is pure: it may not import ${specifier}`;
  }
  const name = specifier.split("/").slice(0, specifier.startsWith("@") ? 2 : 1).join("/");
  const users = reserved[name];
  if (users !== undefined && !users.includes(area)) return `only ${list(users)} may import ${name}, not ${area}`;
  return packages === undefined || packages.includes(name) ? undefined : `${area} may not import the package ${name}`;
}

function resolve(from, specifier) {
  const parts = from.split("/").slice(0, -1);
  for (const part of specifier.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "." && part !== "") parts.push(part);
  }
  return parts.join("/");
}

function list(names) {
  return names.length === 0 ? "nothing of ours" : names.join(", ");
}

/** The ESLint rule over `refuse`: import and export declarations, import(), require(), and import types. */
export const importDirections = {
  meta: { type: "problem", schema: [], messages: { refused: "{{why}} (tools/lint/directions.mjs)." } },
  create(context) {
    const path = context.filename.slice(context.cwd.length + 1).replaceAll("\\", "/");
    const check = (source) => {
      if (source?.type !== "Literal" || typeof source.value !== "string") return;
      const why = refuse(path, source.value);
      if (why !== undefined) context.report({ node: source, messageId: "refused", data: { why } });
    };
    return {
      ImportDeclaration: (node) => check(node.source),
      ExportNamedDeclaration: (node) => check(node.source),
      ExportAllDeclaration: (node) => check(node.source),
      ImportExpression: (node) => check(node.source),
      TSImportType: (node) => check(node.source ?? node.argument?.literal),
      TSExternalModuleReference: (node) => check(node.expression),
      CallExpression: (node) => {
        if (node.callee.type === "Identifier" && node.callee.name === "require") check(node.arguments[0]);
      },
    };
  },
};
