import type { AnswerFormat } from "./documents";

/** Keys of a host's `rendered`: what its loader is told, by firmware family. */
export const renderedPaths = {
  pxelinuxInstall: "bios/pxelinux.cfg",
  pxelinuxLocal: "bios/pxelinux.local.cfg",
} as const;

const answerFileNames: Record<AnswerFormat, string> = { preseed: "preseed.cfg", kickstart: "ks.cfg" };

/** The name under which an answer file of a format is served; also its key in `rendered`. */
export function answerFileName(format: AnswerFormat): string {
  return answerFileNames[format];
}

/** Whether a key of `rendered` is an answer file: what is served only under a token. */
export function isAnswerFile(name: string): boolean {
  return Object.values(answerFileNames).includes(name);
}
