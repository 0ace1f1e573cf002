/** JSON values that arrive one per line, in chunks cut anywhere. @module */
import { parseAnswerJson } from "./answer-json.ts";

/** Longest line of a watch: an object has at most about 1.5 MB, and an event a little more. */
export const LINE_BYTES_MAX: number = 16 << 20;

const NEWLINE = 10;

/** Yields the values of the lines; a last line without a newline counts. Throws on a line that is too long or no JSON. */
export async function* decodeJsonLines(
  chunks: AsyncIterable<Uint8Array>,
  lineBytesMax: number = LINE_BYTES_MAX,
): AsyncGenerator {
  /** The beginning of a line whose end has not come yet. */
  let parts: Buffer[] = [];
  let partsBytes = 0;
  for await (const chunk of chunks) {
    const buffer = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let start = 0;
    for (let end = buffer.indexOf(NEWLINE); end >= 0; end = buffer.indexOf(NEWLINE, start)) {
      const line = buffer.subarray(start, end);
      const whole = parts.length === 0 ? line : Buffer.concat([...parts, line]);
      parts = [];
      partsBytes = 0;
      start = end + 1;
      if (whole.length > lineBytesMax) throw tooLong(lineBytesMax);
      if (whole.length > 0) yield parseAnswerJson(whole.toString("utf8"));
    }
    if (start === buffer.length) continue;
    parts.push(buffer.subarray(start));
    partsBytes += buffer.length - start;
    if (partsBytes > lineBytesMax) throw tooLong(lineBytesMax);
  }
  const rest = Buffer.concat(parts).toString("utf8").trim();
  if (rest !== "") yield parseAnswerJson(rest);
}

function tooLong(lineBytesMax: number): Error {
  return new Error(`A line of the watch is longer than ${lineBytesMax} bytes`);
}
