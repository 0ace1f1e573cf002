/** Chooses how an upgraded connection reaches its backend. @module */
import type { Clock } from "#apimachinery";
import type { UpgradeConnection } from "../handlers/request.ts";
import type { UpgradeBackend } from "./backend.ts";
import { selectProtocol } from "./channels.ts";
import { proxyUpgrade } from "./proxy-upgrade.ts";
import type { RemoteCommandStreams } from "./remote-command-client.ts";
import { translateWebSocketToSpdy } from "./translate.ts";
import { tunneledProtocols, tunnelWebSocketToSpdy } from "./tunnel.ts";
import { isWebSocket, offeredProtocols } from "./upgrade-headers.ts";

export interface StreamRequest {
  readonly subresource: "exec" | "attach" | "portforward" | "proxy";
  /** The client's own parameters: `stdin stdout stderr tty`. */
  readonly query: URLSearchParams;
  readonly backend: UpgradeBackend;
  readonly clock: Clock;
}

/**
 * Resolves when the session is over; has answered the client in every case. WebSockets are translated where the backend
 * may not speak them; everything else is carried byte for byte.
 */
export async function streamToBackend(
  upgrade: UpgradeConnection,
  { subresource, query, backend, clock }: StreamRequest,
  signal: AbortSignal,
): Promise<void> {
  if (isWebSocket(upgrade.request)) {
    const offered = offeredProtocols(upgrade.request);
    if (subresource === "portforward" && tunneledProtocols(offered).length > 0)
      return tunnelWebSocketToSpdy(upgrade, backend, clock, signal);
    const isCommand = subresource === "exec" || subresource === "attach";
    if (isCommand && selectProtocol(offered) !== undefined)
      return translateWebSocketToSpdy(upgrade, backend, streamsOf(query), clock, signal);
  }
  return proxyUpgrade(upgrade, backend, clock, signal);
}

/** As Go reads a boolean parameter: there, and neither "false" nor "0". */
export function streamsOf(query: URLSearchParams): RemoteCommandStreams {
  const has = (name: string): boolean => {
    const value = query.get(name);
    return value !== null && value !== "false" && value !== "0";
  };
  return { stdin: has("stdin"), stdout: has("stdout"), stderr: has("stderr"), tty: has("tty") };
}
