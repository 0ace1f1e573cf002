/** An upgrade request handed on as it is: whatever protocol the two sides agree on, we only carry its bytes. @module */
import type { Clock } from "#apimachinery";
import type { UpgradeConnection } from "../handlers/request.ts";
import { dialUpgrade, type Dialed, type UpgradeBackend } from "./backend.ts";
import { dialError, writeRefusal, writeStatus, writeSwitch } from "./http-response.ts";
import { splice } from "./splice.ts";
import { forwardedHeaders } from "./upgrade-headers.ts";

/** Resolves when the session is over. The client gets the backend's answer, or a Status when there is none. */
export async function proxyUpgrade(
  { request, socket, head }: UpgradeConnection,
  backend: UpgradeBackend,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  let dialed: Dialed;
  try {
    dialed = await dialUpgrade(backend, request.method ?? "GET", forwardedHeaders(request), signal);
  } catch (error) {
    return writeStatus(socket, dialError(error, backend.url));
  }
  if (dialed.type === "refused") return writeRefusal(socket, dialed.response, dialed.body);
  writeSwitch(socket, dialed.response);
  // What came early on either side goes first.
  if (dialed.head.length > 0) dialed.socket.unshift(dialed.head);
  if (head.length > 0) socket.unshift(head);
  await splice(socket, dialed.socket, clock, signal);
}
