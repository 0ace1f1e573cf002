/** The blocks of a PEM text, as Go's `pem.Decode` finds them: what is no block is passed over. @module */

export interface PemBlock {
  readonly type: string;
  readonly hasHeaders: boolean;
  readonly der: Uint8Array;
}

const BEGIN = "-----BEGIN ";
const DASHES = "-----";

export function pemBlocks(text: string): readonly PemBlock[] {
  const blocks: PemBlock[] = [];
  for (let at = text.indexOf(BEGIN); at >= 0;) {
    const lineEnd = endOfLine(text, at);
    const line = text.slice(at, lineEnd).trimEnd();
    const type = line.endsWith(DASHES) ? line.slice(BEGIN.length, -DASHES.length) : "";
    const isAtLineStart = at === 0 || text[at - 1] === "\n";
    const end = type === "" || !isAtLineStart ? -1 : text.indexOf(`-----END ${type}-----`, lineEnd);
    const block = end < 0 ? undefined : blockOf(type, text.slice(lineEnd, end));
    if (block !== undefined) blocks.push(block);
    at = text.indexOf(BEGIN, block === undefined ? at + BEGIN.length : end);
  }
  return blocks;
}

function blockOf(type: string, body: string): PemBlock | undefined {
  const lines = body.split("\n").map((line) => line.trim());
  const firstOfData = lines.findIndex((line) => line !== "" && !line.includes(":"));
  const hasHeaders = lines.slice(0, firstOfData < 0 ? lines.length : firstOfData).some((line) => line !== "");
  const data = firstOfData < 0 ? "" : lines.slice(firstOfData).join("");
  try {
    return { type, hasHeaders, der: Uint8Array.fromBase64(data) };
  } catch (err) {
    if (err instanceof SyntaxError) return undefined;
    throw err;
  }
}

function endOfLine(text: string, from: number): number {
  const end = text.indexOf("\n", from);
  return end < 0 ? text.length : end;
}
