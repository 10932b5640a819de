/** Replaced by the bundler with the package's version. */
declare const PXE_VERSION: string | undefined;

/** The package's version; `development` where the agent runs unbundled. */
export const agentVersion: string = typeof PXE_VERSION === "string" ? PXE_VERSION : "0.0.0-development";
