/** Something that set-up needs and can't provide: what it is, and what the reader can do about it. */
export class Missing extends Error {
  expected = true;

  constructor(what, fix) {
    super(what);
    this.fix = fix;
  }
}

/** `0.4 s`, `12 s`, `6 min 12 s`. */
export function elapsed(milliseconds) {
  const seconds = milliseconds / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

/** Writes one line for each step that does something, and collects what is missing so that it can be named at once. */
export class Report {
  #write;
  #clock;
  #started;
  #line = "";
  #missing = [];
  #did = 0;

  constructor({ write = (text) => process.stdout.write(text), clock = Date.now } = {}) {
    this.#write = write;
    this.#clock = clock;
    this.#started = clock();
  }

  get failed() {
    return this.#missing.length > 0;
  }

  /** Runs one step under its title; a failure becomes a finding, not an exception. Returns the step's result, or undefined. */
  async step(title, work) {
    const from = this.#clock();
    this.#did++;
    this.#line = title;
    this.#write(`set-up: ${title} …`);
    try {
      const result = await work();
      this.#write(`${this.#line === title ? "" : `set-up: ${title}:`} ${elapsed(this.#clock() - from)}\n`);
      return result;
    } catch (error) {
      this.#write(`${this.#line === title ? "" : `set-up: ${title}:`} failed after ${elapsed(this.#clock() - from)}: ${error.message.split("\n")[0]}\n`);
      this.missing(error);
      return undefined;
    }
  }

  /** A remark in the middle of a step, on a line of its own. */
  note(text) {
    this.#write(`${this.#line === "" ? "" : "\n"}set-up: ${text}\n`);
    this.#line = "";
  }

  missing(error) {
    this.#missing.push(error);
  }

  /** All that is missing, numbered, as one text. */
  findings() {
    const list = this.#missing.map((error, index) => {
      const fix = error instanceof Missing && error.fix !== undefined ? `\n     → ${error.fix}` : "";
      return `  ${index + 1}. ${error.message}${fix}`;
    });
    return `Set-up can't go on. ${list.length === 1 ? "One thing is" : `${list.length} things are`} missing:\n${list.join("\n")}`;
  }

  /** The last line: what is in use. */
  done(summary) {
    const time = elapsed(this.#clock() - this.#started);
    this.#write(`set-up: ${summary}${this.#did === 0 ? ": nothing to do" : ": ready"} (${time})\n`);
  }
}
