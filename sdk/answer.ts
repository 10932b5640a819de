import type * as pulumi from "@pulumi/pulumi";

/** An answer file that is rendered for each host. */
export interface Answer {
  /** Whose language it is in: Anaconda's or debian-installer's. It is served as `ks.cfg` or `preseed.cfg`. */
  format: pulumi.Input<"kickstart" | "preseed">;
  /** Text of an EJS template. */
  template: pulumi.Input<string>;
  /** What the template finds as `vars`. */
  vars: pulumi.Input<Record<string, unknown>>;
}

/** What `preseed()` and `kickstart()` take. */
export interface AnswerArgs {
  /**
   * Text of an EJS template. It may name `host`, `subnet`, `profile`, `server`, `vars`, `secrets`, the quoting helpers `sh()`,
   * `ks()`, `yaml()`, `preseed()`, and the commands `pxe.report(stage)` and `pxe.done()` (print those with `<%- %>`).
   */
  template: pulumi.Input<string>;
  /** What the template finds as `vars`. Default: nothing. Secrets belong into a host's `secrets`. */
  vars?: pulumi.Input<Record<string, unknown>> | undefined;
}

/** An answer file for debian-installer. */
export function preseed(args: AnswerArgs): Answer {
  return { format: "preseed", template: args.template, vars: args.vars ?? {} };
}

/** An answer file for Anaconda: Rocky Linux, AlmaLinux, RHEL, Fedora. */
export function kickstart(args: AnswerArgs): Answer {
  return { format: "kickstart", template: args.template, vars: args.vars ?? {} };
}
