/** Remembers whole answers by the bytes of their questions: an equal question costs one copy. @module */

/** Each entry is at most two datagrams; oldest first out. */
const ENTRIES_MAX = 8_192;
/** Answers with several addresses are kept in this many rotations, and given in turn. */
export const ROTATIONS = 8;

export class AnswerCache {
  readonly #entries = new Map<string, { readonly answers: (Buffer | undefined)[]; next: number }>();

  /** The id of the message is not part of the key; the answer comes back with the id of `message`. */
  get(message: Buffer): { readonly answer: Buffer | undefined; readonly rotation: number } {
    const key = keyOf(message);
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      if (this.#entries.size >= ENTRIES_MAX) this.#entries.delete(this.#entries.keys().next().value!);
      entry = { answers: [], next: 0 };
      this.#entries.set(key, entry);
    }
    const rotation = entry.next;
    entry.next = (entry.next + 1) % ROTATIONS;
    const stored = entry.answers[rotation];
    if (stored === undefined) return { answer: undefined, rotation };
    const answer = Buffer.from(stored);
    message.copy(answer, 0, 0, 2);
    return { answer, rotation };
  }

  set(message: Buffer, rotation: number, answer: Buffer): void {
    const entry = this.#entries.get(keyOf(message));
    if (entry !== undefined) entry.answers[rotation] = answer;
  }

  clear(): void {
    this.#entries.clear();
  }
}

function keyOf(message: Buffer): string {
  return message.toString("latin1", 2);
}
