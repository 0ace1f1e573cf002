/** Writes a `Result` as an HTTP answer. @module */
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { messageOf, StatusError, type Clock } from "#apimachinery";
import { encodeList, encodeObject, encodeValue } from "../handlers/encode.ts";
import { wantsPretty } from "../handlers/negotiate.ts";
import { headerValue, type Result, type UpgradeConnection } from "../handlers/request.ts";
import { isWebSocket } from "../streaming/upgrade-headers.ts";
import { protobufList } from "../serialization/protobuf-list.ts";
import { statusRepresentation } from "../serialization/value-representation.ts";
import { yieldToLoop } from "../watchcache/watch-cache.ts";
import { withLength, type AnswerHeaders, type Exchange } from "./exchange.ts";
import type { FanOut } from "./fan-out.ts";
import { GzipWriter } from "./gzip-writer.ts";
import type { WatchSeries } from "./request-metrics.ts";
import { startWatchResponse } from "./watch-response.ts";
import { streamProtocol, webSocketStreamWriter, webSocketWriter } from "./websocket-writer.ts";

/** As upstream: answers up to this size cost more to compress than to send. */
const GZIP_BYTES_MIN = 128 * 1024;
const GZIP_LEVEL = 1;
/** Larger bodies go out in pieces: encrypting megabytes at once would hold the event loop. */
const SLICE_BYTES = 256 * 1024;
const compress = promisify(gzip);

export interface WriteContext {
  readonly exchange: Exchange;
  readonly headers: AnswerHeaders;
  readonly fanOut: FanOut;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** The connection, when the client asks to take it over: a watch can be told as WebSocket messages. */
  readonly upgrade?: UpgradeConnection;
  /** Counts what the body has. */
  readonly sent?: { bytes: number };
  /** Told of every event of a watch. */
  readonly watchSeries?: WatchSeries;
  /** Called when the watch is over, which is after `writeResult` has resolved. */
  readonly onWatchEnd?: () => void;
}

export async function writeResult(result: Result, context: WriteContext): Promise<void> {
  const { exchange, headers, signal } = context;
  switch (result.type) {
    case "object": {
      const contentType = result.as.contentType;
      return respond(context, result.status, contentType, encodeObject(result.object, result.as));
    }
    case "value": {
      Object.assign(headers, result.headers);
      const accept = headerValue(exchange, "accept");
      const as = result.as ?? statusRepresentation(accept, result.value);
      const shown = { ...as, pretty: as.pretty || isForPeople(exchange) };
      return respond(context, result.status, as.contentType, encodeValue(result.value, shown));
    }
    case "bytes": {
      Object.assign(headers, result.headers);
      return respond(context, result.status, result.contentType, result.body);
    }
    case "list":
      return writeList(result, context);
    case "watch": {
      headers["content-type"] = result.as.contentType;
      const { watcher, as, kind, timeoutMs } = result;
      const { upgrade } = context;
      const writer =
        upgrade !== undefined && isWebSocket(upgrade.request)
          ? await webSocketWriter(upgrade, as.format !== "protobuf")
          : exchange.start(200, headers);
      const { fanOut, clock, watchSeries, onWatchEnd: onEnd } = context;
      startWatchResponse({
        watcher,
        writer,
        as,
        kind,
        fanOut,
        clock,
        timeoutMs,
        signal,
        ...(watchSeries !== undefined && { series: watchSeries }),
        ...(onEnd !== undefined && { onEnd }),
      });
      return;
    }
    case "stream":
      return writeStream(result, context);
    case "upgraded":
  }
}

function isForPeople(exchange: Exchange): boolean {
  const [, query = ""] = exchange.target.split("?", 2);
  return wantsPretty(new URLSearchParams(query), headerValue(exchange, "user-agent"));
}

/** An error as the Status that clients read. */
export function statusResult(err: unknown): Result {
  const status = (err instanceof StatusError ? err : internalError(err)).toStatus();
  return { type: "value", status: status.code ?? 500, value: status };
}

function internalError(cause: unknown): StatusError {
  const why = messageOf(cause);
  return new StatusError("InternalError", `Internal error occurred: ${why}`, { cause });
}

async function respond(
  { exchange, headers, sent }: WriteContext,
  status: number,
  contentType: string,
  body: Uint8Array | string,
): Promise<void> {
  if (contentType !== "") headers["content-type"] = contentType;
  if (sent !== undefined) sent.bytes += body.length;
  const isEncoded = headers["content-encoding"] !== undefined;
  if (isEncoded || body.length <= GZIP_BYTES_MIN || !acceptsGzip(exchange)) {
    return respondInSlices(exchange, status, headers, body);
  }
  headers["content-encoding"] = "gzip";
  headers["vary"] = "Accept-Encoding";
  return respondInSlices(exchange, status, headers, await compress(body, { level: GZIP_LEVEL }));
}

/** One piece, but for bodies that are very large. */
async function respondInSlices(
  exchange: Exchange,
  status: number,
  headers: AnswerHeaders,
  body: Uint8Array | string,
): Promise<void> {
  if (body.length <= SLICE_BYTES || exchange.method === "HEAD")
    return exchange.respond(status, headers, body);
  const bytes = typeof body === "string" ? Buffer.from(body) : body;
  const writer = exchange.start(status, withLength(status, headers, bytes.length));
  for (let at = 0; at < bytes.length && !writer.isGone; at += SLICE_BYTES) {
    if (writer.write(bytes.subarray(at, at + SLICE_BYTES))) await yieldToLoop();
    else await writer.drained();
  }
  writer.end();
}

async function writeList(
  { list, as }: Extract<Result, { type: "list" }>,
  { exchange, headers, signal, sent = { bytes: 0 } }: WriteContext,
): Promise<void> {
  headers["content-type"] = as.contentType;
  const slices = as.protobuf === undefined ? encodeList(list, as) : await protobufList(list, as, signal);
  const first = slices.next();
  if (first.done === true) return;
  const second = slices.next();
  sent.bytes += first.value.length;
  // Short lists, by far the most, go out in one piece with their length.
  const isShort = second.done === true;
  if (isShort && first.value.length <= GZIP_BYTES_MIN) {
    exchange.respond(200, headers, first.value);
    return;
  }
  const zipped = acceptsGzip(exchange);
  if (zipped) Object.assign(headers, { "content-encoding": "gzip", vary: "Accept-Encoding" });
  const raw = exchange.start(200, headers);
  const writer = zipped ? new GzipWriter(raw, GZIP_LEVEL) : raw;
  try {
    if (!writer.write(first.value)) await writer.drained();
    for (let next = second; next.done !== true; next = slices.next()) {
      if (writer.isGone) return;
      sent.bytes += next.value.length;
      // Also a fast client lets others have their turn.
      if (writer.write(next.value)) await yieldToLoop();
      else await writer.drained();
    }
    writer.end();
  } catch (err) {
    // it is too late to say why: the client must not take for a list what is half of one, nor wait for the rest
    writer.abort();
    throw err;
  }
}

async function writeStream(
  { status, headers: own, body }: Extract<Result, { type: "stream" }>,
  { exchange, headers, signal, upgrade, sent = { bytes: 0 } }: WriteContext,
): Promise<void> {
  const isSocket = status === 200 && upgrade !== undefined && isWebSocket(upgrade.request);
  const protocol = isSocket ? streamProtocol(upgrade.request) : "";
  if (protocol === undefined) return exchange.respond(403, headers, "");
  const writer = isSocket
    ? await webSocketStreamWriter(upgrade, protocol)
    : exchange.start(status, { ...headers, ...own });
  try {
    for await (const chunk of body) {
      if (signal.aborted || writer.isGone) break;
      sent.bytes += chunk.length;
      if (!writer.write(chunk)) await writer.drained();
    }
    writer.end();
  } catch (err) {
    writer.abort();
    if (!signal.aborted) throw err;
  }
}

function acceptsGzip({ headers }: Exchange): boolean {
  const accepted = headers["accept-encoding"];
  return typeof accepted === "string" && accepted.split(",").some((token) => token.trim() === "gzip");
}
