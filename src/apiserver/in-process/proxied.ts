/** Answers of other API servers for clients in this one's process: bytes from a connection, decoded as a client over HTTP would. @module */
import { StatusError, type WatchEvent } from "#apimachinery";
import type { Request, Response } from "#client";
import { readBody } from "#component-base";
import type { Result } from "../handlers/request.ts";

export type StreamResult = Extract<Result, { readonly type: "stream" }>;

/** As a client over HTTP. */
const BODY_BYTES_MAX = 512 << 20;
const JSON_TYPE = /^application\/json\b/;

/** The decoded body. Rejects with what the other server refused, and for what is no JSON: that is to be asked for as a stream. */
export async function proxiedResponse({ method }: Request, result: StreamResult): Promise<Response> {
  const { status, headers, body } = result;
  const isJson = JSON_TYPE.test(headers["content-type"] ?? "");
  if (status < 400 && !isJson) {
    await leave(body);
    throw new StatusError("BadRequest", "a stream must be asked for as one");
  }
  const text = await readText(body);
  if (status >= 400) throw await refusal(method, result, text);
  return { status, headers, body: text === "" ? undefined : JSON.parse(text) };
}

/** The events, one per line. */
export async function* proxiedWatch(
  { method }: Request,
  result: StreamResult,
  signal: AbortSignal,
): AsyncGenerator<WatchEvent> {
  const { status, body } = result;
  if (status >= 400) throw await refusal(method, result, await readText(body));
  const { decodeJsonLines } = await import("#client/node");
  try {
    for await (const event of decodeJsonLines(body)) yield event as WatchEvent;
  } catch (err) {
    if (!signal.aborted) throw err;
  }
}

async function refusal(
  method: string,
  { status, headers }: StreamResult,
  text: string,
): Promise<StatusError> {
  const { serverError } = await import("#client/node");
  return serverError(method, status, headers, text);
}

async function readText(body: AsyncIterable<Uint8Array>): Promise<string> {
  const tooLarge = (): StatusError =>
    new StatusError("InternalError", `the answer is longer than ${BODY_BYTES_MAX} bytes`);
  return (await readBody(body, BODY_BYTES_MAX, tooLarge)).toString();
}

/** Ends a body that nobody reads, and with it its connection. */
async function leave(body: AsyncIterable<Uint8Array>): Promise<void> {
  await body[Symbol.asyncIterator]().return?.();
}
