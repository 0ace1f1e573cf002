/** A body that comes in parts, as a whole. @module */

/** Throws what `tooLarge` makes once more than `bytesMax` have come; a stream that does not fit is let go of. */
export async function readBody(
  body: AsyncIterable<Uint8Array>,
  bytesMax: number,
  tooLarge: () => Error,
): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > bytesMax) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
