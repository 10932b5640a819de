import { pxeError, type PxeError } from "../errors";
import type { HostStatus } from "../model/control";

/** Where a host stands, for one who waits for it. */
export type Verdict = "waiting" | "there" | "untouched" | PxeError;

/**
 * Whether a host is where it is waited for. An adopted one is: it boots from its disk and nothing is under way, as when a stack is
 * declared again whose state was lost.
 * @param status undefined: the agent doesn't hold the host
 */
export function judge(name: string, status: HostStatus | undefined, until: "installed" | "up"): Verdict {
  const where = [{ document: `host/${name}` }];
  if (status === undefined) return pxeError("PXE_NOT_FOUND", `${name} is no longer declared on its server`, { where, fix: "Run `pulumi refresh`, then `pulumi up`: it declares the host again." });
  const { nextBoot } = status;
  if (nextBoot.action === "ignore") {
    return pxeError("PXE_INSTALL_FAILED", `${name} is not served: ${nextBoot.reason}`, { where, fix: "Give each host its own MAC and address, or wait for the host that took over." });
  }
  switch (status.state) {
    case "up":
      return "there";
    case "installed":
      return until === "installed" ? "there" : "waiting";
    case "adopted":
      return "untouched";
    case "failed":
      return pxeError("PXE_INSTALL_FAILED", `${name} failed: ${status.reason}`, { where });
    case "armed":
      if (nextBoot.action === "install") return "waiting";
      return pxeError("PXE_INSTALL_FAILED", `${name} is armed, but would not be installed now: ${nextBoot.reason}`, { where });
    case "installing":
    case "wiping":
      return "waiting";
  }
}

/** What a host that isn't there yet does next, for a person. */
export function nextStep(status: HostStatus): string {
  switch (status.state) {
    case "armed":
      return "it installs at its next network boot";
    case "installing":
    case "wiping":
      return "its installer goes on";
    case "installed":
      return "its installed system has not reported yet";
    case "adopted":
    case "up":
    case "failed":
      return "it boots from its disk";
  }
}
