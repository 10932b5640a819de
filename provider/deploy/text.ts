/** The last lines of a text that say something. */
export function lastLines(text: string, count: number): string {
  return text.split("\n").map((line) => line.trimEnd()).filter((line) => line !== "").slice(-count).join("\n");
}
