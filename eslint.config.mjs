import tseslint from "typescript-eslint";
import { importDirections } from "./tools/lint/directions.mjs";

const pure = ["provider/wire/**", "provider/engine/**", "provider/render/**", "provider/model/**", "provider/errors.ts"];

/** What a pure function would read from the world: time, chance and surroundings are passed in. */
const world = ["process", "console", "setTimeout", "setInterval", "setImmediate", "queueMicrotask", "fetch", "performance", "crypto"];

export default tseslint.config(
  { ignores: ["dist/", "node_modules/", ".state/"] },
  { linterOptions: { reportUnusedDisableDirectives: "error" } },
  {
    rules: {
      eqeqeq: "error",
      "no-var": "error",
      "prefer-const": "error",
      "no-console": "off",
      "no-constant-binary-expression": "error",
      "no-unsafe-finally": "error",
      "no-fallthrough": "error",
      "no-duplicate-imports": "error",
      "no-self-compare": "error",
      "no-loss-of-precision": "error",
      "no-sparse-arrays": "error",
      "no-useless-catch": "error",
    },
  },
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { pxe: { rules: { "import-directions": importDirections } } },
    rules: {
      "pxe/import-directions": "error",
      "max-lines": ["error", { max: 400 }],
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_", caughtErrorsIgnorePattern: "^_" }],
      // node:test keeps its own account of the promises that its functions return.
      "@typescript-eslint/no-floating-promises": [
        "error",
        { allowForKnownSafeCalls: [{ from: "package", name: ["test", "it", "describe", "suite", "before", "after", "beforeEach", "afterEach"], package: "node:test" }] },
      ],
      // A method that only has to return a promise says so by `async`.
      "@typescript-eslint/require-await": "off",
    },
  },
  {
    files: pure,
    rules: {
      "no-restricted-globals": ["error", ...world.map((name) => ({ name, message: "This folder is pure: pass it in." }))],
      "no-restricted-properties": [
        "error",
        { object: "Date", property: "now", message: "This folder is pure: pass the time in." },
        { object: "Math", property: "random", message: "This folder is pure: pass it in." },
      ],
    },
  },
  // A test often takes the functions of a fixture apart.
  { files: ["test/**/*.ts"], rules: { "@typescript-eslint/unbound-method": "off" } },
  { files: ["**/*.mjs"], extends: [tseslint.configs.disableTypeChecked], rules: { "max-lines": ["error", { max: 400 }] } },
);
