/** Bounds how long a connection to a backend may take to be made. @module */
import type { ClientRequest } from "node:http";
import { DialTimeout } from "#component-base";

/** As upstream's dialer. */
const CONNECT_TIMEOUT_MS = 30_000;

/** The request fails with a DialTimeout. How long a backend takes to answer that is there is its own affair. */
export function limitConnecting(
  request: ClientRequest,
  { protocol }: URL,
  timeoutMs: number = CONNECT_TIMEOUT_MS,
): void {
  const giveUp = (): void => void request.destroy(new DialTimeout());
  request.once("socket", (socket) => {
    socket.setTimeout(timeoutMs, giveUp);
    socket.once(protocol === "https:" ? "secureConnect" : "connect", () => {
      socket.setTimeout(0, giveUp);
    });
  });
}
