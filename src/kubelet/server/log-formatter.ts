/** Turns the bytes of a container's log file into what a reader of logs asked for. Pure. @module */
import { type LogLine, parseLogLine } from "./log-format.ts";

export interface LogFormat {
  readonly timestamps: boolean;
  readonly limitBytes?: number;
  /** Lines before are left out. ms since 1970. */
  readonly sinceMs?: number;
  readonly stream?: "All" | "Stdout" | "Stderr";
}

/** As much of a line is kept until its end is read; what is longer is given out in pieces. */
const LINE_BYTES_MAX = 1024 * 1024;
const NEWLINE = Buffer.from("\n");
const SPACE = 0x20;
const EMPTY = Buffer.alloc(0);

/** What stands before the text of a line, and whether the reader wants the line. */
interface Head extends Pick<LogLine, "time" | "stream" | "partial"> {
  readonly isWanted: boolean;
}

export class LogFormatter {
  readonly #format: LogFormat;
  /** Of a line whose end was not read yet; bounded by LINE_BYTES_MAX and what is pushed at once. */
  #rest: Buffer = EMPTY;
  /** Of a line that is given out in pieces: its end is to come. `unknown` for one in another format. */
  #open: Head | "unknown" | undefined;
  #leftBytes: number;
  /** A partial line has been given out: its next piece gets no timestamp. */
  readonly #continued = { stdout: false, stderr: false };

  constructor(format: LogFormat) {
    this.#format = format;
    this.#leftBytes = format.limitBytes ?? Infinity;
  }

  get isFull(): boolean {
    return this.#leftBytes <= 0;
  }

  push(bytes: Buffer): Buffer {
    const all = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    const pieces: Buffer[] = [];
    let start = 0;
    // What was kept has no newline.
    let end = all.indexOf(NEWLINE, this.#rest.length);
    for (; end >= 0; end = all.indexOf(NEWLINE, start)) {
      this.#take(all.subarray(start, end), true, pieces);
      start = end + 1;
    }
    const rest = all.subarray(start);
    const isKept = this.#open === undefined && rest.length <= LINE_BYTES_MAX;
    if (!isKept) this.#take(rest, false, pieces);
    this.#rest = isKept ? Buffer.from(rest) : EMPTY;
    return this.#cut(Buffer.concat(pieces));
  }

  /** What is left of a file that ends within a line, such as one cut by a crash. Another file may follow. */
  end(): Buffer {
    const pieces: Buffer[] = [];
    if (this.#rest.length > 0) this.#take(this.#rest, false, pieces);
    this.#rest = EMPTY;
    this.#open = undefined;
    return this.#cut(Buffer.concat(pieces));
  }

  /** A line, or a piece of one; `isEnd` of the piece that is its last. */
  #take(bytes: Buffer, isEnd: boolean, pieces: Buffer[]): void {
    let head = this.#open;
    let text = bytes;
    if (head === undefined) {
      const at = textStart(bytes);
      head = this.#headOf(bytes.toString("latin1", 0, at));
      text = bytes.subarray(at);
      if (head !== "unknown" && head.isWanted) this.#begin(head, pieces);
    }
    this.#open = isEnd ? undefined : head;
    if (head === "unknown" || !head.isWanted) return;
    pieces.push(text);
    if (isEnd && !head.partial) pieces.push(NEWLINE);
  }

  #begin({ time, stream, partial }: Head, pieces: Buffer[]): void {
    if (this.#format.timestamps && !this.#continued[stream]) pieces.push(Buffer.from(`${time} `));
    this.#continued[stream] = partial;
  }

  #headOf(raw: string): Head | "unknown" {
    const line = parseLogLine(raw);
    if (line === undefined) return "unknown";
    const { sinceMs, stream = "All" } = this.#format;
    const isOld = sinceMs !== undefined && Date.parse(line.time) < sinceMs;
    return { ...line, isWanted: !isOld && (stream === "All" || stream.toLowerCase() === line.stream) };
  }

  #cut(text: Buffer): Buffer {
    const cut = text.length > this.#leftBytes ? text.subarray(0, this.#leftBytes) : text;
    this.#leftBytes -= cut.length;
    return cut;
  }
}

/** After the third space, or the end. */
function textStart(bytes: Buffer): number {
  let at = 0;
  for (let spaces = 0; spaces < 3; spaces++) {
    at = bytes.indexOf(SPACE, at) + 1;
    if (at === 0) return bytes.length;
  }
  return at;
}
