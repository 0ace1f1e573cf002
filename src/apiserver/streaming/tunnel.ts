/** Port-forward for WebSocket clients: SPDY inside of WebSocket messages, taken out and handed to the kubelet. @module */
import { badRequest, type Clock } from "#apimachinery";
import type { UpgradeConnection } from "../handlers/request.ts";
import { dialUpgrade, type Dialed, type UpgradeBackend } from "./backend.ts";
import { dialError, writeRefusal, writeStatus } from "./http-response.ts";
import { splice } from "./splice.ts";
import { offeredProtocols, spdyHeaders } from "./upgrade-headers.ts";
import { acceptWebSocket } from "./websocket.ts";

const PREFIX = "SPDY/3.1+";

/** The stream protocols inside of the offered tunnels, as in `SPDY/3.1+portforward.k8s.io`. */
export function tunneledProtocols(offered: readonly string[]): string[] {
  return offered
    .filter((protocol) => protocol.startsWith(PREFIX) && protocol.endsWith(".k8s.io"))
    .map((protocol) => protocol.slice(PREFIX.length));
}

/** Resolves when the session is over. The WebSocket is accepted only when the backend has accepted SPDY. */
export async function tunnelWebSocketToSpdy(
  upgrade: UpgradeConnection,
  backend: UpgradeBackend,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const protocols = tunneledProtocols(offeredProtocols(upgrade.request));
  if (protocols.length === 0)
    return writeStatus(upgrade.socket, badRequest("unable to upgrade: no tunneling spdy protocols provided"));
  let dialed: Dialed;
  try {
    dialed = await dialUpgrade(backend, "POST", spdyHeaders(upgrade.request, protocols), signal);
  } catch (error) {
    return writeStatus(upgrade.socket, dialError(error, backend.url));
  }
  if (dialed.type === "refused") return writeRefusal(upgrade.socket, dialed.response, dialed.body);
  const chosen = dialed.response.headers["x-stream-protocol-version"];
  const protocol = typeof chosen === "string" ? chosen : protocols[0]!;
  const { createWebSocketStream } = await import("ws");
  const socket = await acceptWebSocket(upgrade, PREFIX + protocol);
  if (dialed.head.length > 0) dialed.socket.unshift(dialed.head);
  await splice(createWebSocketStream(socket), dialed.socket, clock, signal);
}
