/** One request and its answer on a connection, the same for HTTP/1.1 and HTTP/2. @module */
import type { Credentials } from "../user-info.ts";

export type AnswerHeaders = Record<string, string | readonly string[]>;

/** A body that is written piece by piece. */
export interface BodyWriter {
  /** Every chunk is a message of its own: chunks must not be joined. */
  readonly isFramed?: boolean;
  /** False: wait for `drained` before writing more. The chunk may be shared, nobody changes it. */
  write(chunk: Uint8Array | string): boolean;
  /** As `write`, for bytes that never change and that many writers write one after the other. */
  writeShared(chunk: Uint8Array): boolean;
  /** Resolves when more may be written; at once when the client is gone. */
  drained(): Promise<void>;
  /** Calls back once when more may be written: for the fan-out, which holds no promise per watcher. */
  onDrain(callback: () => void): void;
  /** The client is gone: what is written goes nowhere. */
  readonly isGone: boolean;
  end(): void;
  /** Ends the connection or stream so that the client sees that the body is incomplete. */
  abort(): void;
}

export interface Exchange {
  readonly method: string;
  /** Path and query as sent. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly credentials: Credentials;
  /** Calls back once if the client goes away before its answer is complete. */
  onGone(callback: () => void): void;
  /** The whole body; undefined when it is larger than `bytesMax`. */
  readBody(bytesMax: number): Promise<Uint8Array | undefined>;
  /** Answers with a whole body; without effect when something was answered already. `headers` is the exchange's from now on. */
  respond(status: number, headers: AnswerHeaders, body: Uint8Array | string): void;
  /** Of HTTP/2: the client is to bring its next requests elsewhere; what runs ends in order. */
  goAway?(): void;
  /** Begins an answer of unknown length. */
  start(status: number, headers: AnswerHeaders): BodyWriter;
}

/** The length of a body that is there. A 304 tells none: it would be that of the body the client has. */
export function withLength(status: number, headers: AnswerHeaders, length: number): AnswerHeaders {
  return status === 304 ? headers : { ...headers, "content-length": String(length) };
}
