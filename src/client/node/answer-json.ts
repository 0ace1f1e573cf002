/** JSON that a server sends. @module */

/** Throws a SyntaxError that does not quote the text, as the runtime's own would: it may hold Secrets, and errors are logged. */
export function parseAnswerJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new SyntaxError("the server's answer is no JSON");
  }
}
