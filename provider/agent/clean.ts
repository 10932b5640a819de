/** Bytes that drive a terminal, end a line, or turn the direction of writing: with them what a client sends could forge what is read. */
const control = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** Those of them that JSON leaves as they are. */
const controlInJson = /[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;

/** Text of a client, fit for an event, the status and one line of a log (NETBOOT F9). */
export function cleaned(text: string, longest = 500): string {
  return text.slice(0, longest).replace(control, "?");
}

/** Lines of JSON without what would drive a terminal. */
export function cleanedLines(lines: string): string {
  return controlInJson.test(lines) ? lines.replace(new RegExp(controlInJson, "g"), "?") : lines;
}
