/** Remembers whole answers by the bytes of their questions: an equal question costs one copy. @module */

/** Each entry is a question and at most one datagram in each rotation; oldest first out. */
const ENTRIES_MAX = 16_384;
/** Longer questions than any name needs are not remembered. */
const QUESTION_BYTES_MAX = 512;
/** Answers with several addresses are kept in this many rotations, and given in turn. */
export const ROTATIONS = 8;

/** `T`: what is counted with each answer. */
export class AnswerCache<T> {
  readonly #entries = new Map<string, Entry<T>>();

  /** The answer with the id of `message`, which is not part of the key; undefined: `rotation` of it is not there yet. */
  get(message: Buffer): Cached<T> {
    const entry = message.length > QUESTION_BYTES_MAX ? undefined : this.#entries.get(keyOf(message));
    if (entry === undefined) return { answer: undefined, rotation: 0 };
    const rotation = entry.next;
    entry.next = (entry.next + 1) % entry.rotations;
    const stored = entry.answers[rotation];
    if (stored === undefined) return { answer: undefined, rotation };
    const answer = Buffer.from(stored);
    answer[0] = message[0]!;
    answer[1] = message[1]!;
    return { answer, rotation, about: entry.about };
  }

  /** `isTurned`: the answer of another rotation is another one. */
  set(message: Buffer, rotation: number, answer: Buffer, isTurned: boolean, about: T): void {
    if (message.length > QUESTION_BYTES_MAX) return;
    const key = keyOf(message);
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      if (this.#entries.size >= ENTRIES_MAX) this.#entries.delete(this.#entries.keys().next().value!);
      const rotations = isTurned ? ROTATIONS : 1;
      entry = { answers: [], rotations, next: (rotation + 1) % rotations, about };
      this.#entries.set(key, entry);
    }
    entry.answers[rotation] = Buffer.from(answer);
  }

  clear(): void {
    this.#entries.clear();
  }
}

export type Cached<T> =
  | { readonly answer: Buffer; readonly rotation: number; readonly about: T }
  | { readonly answer: undefined; readonly rotation: number };

interface Entry<T> {
  readonly answers: (Buffer | undefined)[];
  readonly rotations: number;
  next: number;
  readonly about: T;
}

function keyOf(message: Buffer): string {
  return message.toString("latin1", 2);
}
