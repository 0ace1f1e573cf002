/** Sizes and texts of base64 values, as Secrets and ConfigMaps hold them. @module */

/** Bytes that the text stands for. */
export function base64Length(text: string): number {
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  return Math.floor((text.length * 3) / 4) - padding;
}

export function encodeBase64(text: string): string {
  return new TextEncoder().encode(text).toBase64();
}

/** undefined when it is no base64. */
export function decodeBase64(text: string): string | undefined {
  try {
    return new TextDecoder().decode(Uint8Array.fromBase64(text));
  } catch (err) {
    if (err instanceof SyntaxError) return undefined;
    throw err;
  }
}
