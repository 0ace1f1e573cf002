/** Which headers of an upgrade request go on to the backend. @module */
import type { IncomingMessage } from "node:http";
import type { RawHeaders } from "./backend.ts";

/** The client's credentials and disguises are for us alone; the backend knows us by our certificate. */
const PRIVATE =
  /^(authorization|cookie|host|impersonate-.*|x-remote-.*|content-length|transfer-encoding|expect)$/;
const WEBSOCKET = /^(sec-websocket-.*|upgrade|connection)$/;
const TOKEN_PROTOCOL = "base64url.bearer.authorization.k8s.io.";

/** As they came, without what is private. A token among the WebSocket subprotocols is taken out. */
export function forwardedHeaders({ rawHeaders }: IncomingMessage): string[] {
  return pairs(rawHeaders).flatMap(([name, value]) => {
    const lower = name.toLowerCase();
    if (PRIVATE.test(lower)) return [];
    if (lower !== "sec-websocket-protocol") return [name, value];
    const rest = protocolsOf(value).filter((protocol) => !protocol.startsWith(TOKEN_PROTOCOL));
    return rest.length === 0 ? [] : [name, rest.join(", ")];
  });
}

/** The same request as one for SPDY, with these stream protocols in order of preference. */
export function spdyHeaders(request: IncomingMessage, protocols: readonly string[]): string[] {
  const kept = pairs(forwardedHeaders(request)).filter(
    ([name]) => !WEBSOCKET.test(name.toLowerCase()) && name.toLowerCase() !== "x-stream-protocol-version",
  );
  const offered = protocols.flatMap((protocol) => ["X-Stream-Protocol-Version", protocol]);
  return [...kept.flat(), "Connection", "Upgrade", "Upgrade", "SPDY/3.1", ...offered];
}

/** The subprotocols a WebSocket client offers, in its order. */
export function offeredProtocols({ headers }: IncomingMessage): string[] {
  return protocolsOf(headers["sec-websocket-protocol"] ?? "");
}

export function isWebSocket({ headers }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === "websocket";
}

function protocolsOf(value: string): string[] {
  return value
    .split(",")
    .map((protocol) => protocol.trim())
    .filter((protocol) => protocol !== "");
}

function pairs(raw: RawHeaders): [string, string][] {
  return Array.from({ length: raw.length >> 1 }, (_, i) => [raw[i * 2]!, raw[i * 2 + 1]!]);
}
