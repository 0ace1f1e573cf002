/** Environment files in the grammar of upstream's `ParseEnv`, a small part of a shell's: `NAME='value' # comment`. @module */

/** Of the buffer that upstream reads lines with, less the end of the line. */
const LINE_BYTES_MAX = 64 * 1024 - 1;
const NEWLINE = 0x0a;

interface Line {
  readonly text: string;
  /** From 1. */
  readonly number: number;
}

/**
 * The value of `key` where it is set first, "" where it is not. Values stand between single quotes, as they are, over
 * several lines if need be; after `= ` with a blank there is none. Throws for what is against the grammar before `key`.
 */
export function parseEnv(file: Buffer, key: string): string {
  const lines = linesOf(file);
  for (const { text, number } of lines) {
    const line = withoutBlanks(text);
    if (line === "" || line.startsWith("#")) continue;
    const { name, value } = assignment(line, number);
    const isEmpty = value !== withoutBlanks(value);
    if (!isEmpty && !value.startsWith("'"))
      throw invalid(`at line ${number}: value must be enclosed in single quotes`);
    const content = isEmpty ? "" : quoted(value.slice(1), number, lines);
    if (name === key) return content;
  }
  return "";
}

function assignment(line: string, number: number): { readonly name: string; readonly value: string } {
  const at = line.indexOf("=");
  if (at < 0) throw invalid(`at line ${number}: missing '='`);
  const name = line.slice(0, at);
  if (/^[ \t]*$/u.test(name)) throw invalid(`at line ${number}: empty variable name`);
  if (/[ \t]$/u.test(name)) throw invalid(`at line ${number}: whitespace before '=' is not allowed`);
  return { name, value: line.slice(at + 1) };
}

/** What stands before the closing quote, on this line or one of the next, which are taken. */
function quoted(first: string, firstNumber: number, lines: Generator<Line, void>): string {
  const whole: string[] = [];
  let rest = first;
  let number = firstNumber;
  for (let end = rest.indexOf("'"); ; end = rest.indexOf("'")) {
    if (end >= 0) {
      const after = withoutBlanks(rest.slice(end + 1));
      if (after !== "" && !after.startsWith("#"))
        throw invalid(`at line ${number}: unexpected content after closing quote`);
      whole.push(rest.slice(0, end));
      return whole.join("\n");
    }
    whole.push(rest);
    const next = lines.next();
    if (next.done === true) throw invalid(`starting at line ${firstNumber}: unclosed single quote`);
    ({ text: rest, number } = next.value);
  }
}

function* linesOf(file: Buffer): Generator<Line, void> {
  let number = 0;
  for (let start = 0; start < file.length;) {
    const at = file.indexOf(NEWLINE, start);
    const end = at < 0 ? file.length : at;
    number++;
    if (end - start > LINE_BYTES_MAX) throw invalid(`at line ${number}: more than ${LINE_BYTES_MAX} bytes`);
    const text = file.toString("utf8", start, end);
    yield { text: text.endsWith("\r") ? text.slice(0, -1) : text, number };
    start = end + 1;
  }
}

const withoutBlanks = (text: string): string => text.replace(/^[ \t]+/u, "");

function invalid(why: string): Error {
  return new Error(`invalid environment variable format ${why}`);
}
