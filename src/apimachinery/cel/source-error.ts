/** What is wrong with an expression and where, in the text that cel-go shows. @module */

export interface Issue {
  /** In code points. */
  readonly pos: number;
  readonly message: string;
}

/** Lines that are longer are not shown. */
const SNIPPET_LENGTH_MAX = 16_384;

/** An expression that does not compile. */
export class CelIssues extends Error {
  readonly issues: readonly Issue[];

  constructor(source: string, issues: readonly Issue[]) {
    super(issues.map((issue) => display(source, issue)).join("\n"));
    this.issues = issues;
  }
}

/** `ERROR: <input>:1:5: what` with the line, and a caret below the place. */
function display(source: string, { pos, message }: Issue): string {
  const before = Array.from(source).slice(0, pos).join("");
  const line = before.split("\n").length;
  const start = before.lastIndexOf("\n") + 1;
  const column = Array.from(before.slice(start)).length;
  const head = `ERROR: <input>:${line}:${column + 1}: ${message}`;
  const snippet = (source.split("\n")[line - 1] ?? "").replaceAll("\t", " ");
  if (snippet.length > SNIPPET_LENGTH_MAX) return head;
  const chars = Array.from(snippet);
  const dots = chars.slice(0, column).map((char) => (isWide(char) ? "\uff0e" : "."));
  const caret = isWide(chars[column] ?? "") ? "\uff3e" : "^";
  return `${head}\n | ${snippet}\n | ${dots.join("")}${caret}`;
}

function isWide(char: string): boolean {
  return (char.codePointAt(0) ?? 0) > 0x7f;
}
