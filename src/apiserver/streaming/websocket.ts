/** Accepting WebSockets on connections that HTTP handed over. @module */
import type { WebSocket } from "ws";
import type { UpgradeConnection } from "../handlers/request.ts";

/** Of one message; clients send pieces of 32 KB. */
const MESSAGE_BYTES_MAX = 4 * 2 ** 20;

/** Resolves with the open socket; never when the handshake is wrong, since `ws` has answered it then. */
export async function acceptWebSocket(
  { request, socket, head }: UpgradeConnection,
  protocol: string,
): Promise<WebSocket> {
  const { WebSocketServer } = await import("ws");
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: MESSAGE_BYTES_MAX,
    perMessageDeflate: false,
  });
  // `ws` refuses names that are no tokens, and Kubernetes' own `SPDY/3.1+portforward.k8s.io` is none: it never sees them.
  const { "sec-websocket-protocol": _, ...headers } = request.headers;
  const plain = Object.create(request, { headers: { value: headers } }) as typeof request;
  if (protocol !== "")
    server.once("headers", (lines) => void lines.push(`Sec-WebSocket-Protocol: ${protocol}`));
  return new Promise((resolve, reject) => {
    server.once("wsClientError", (error) => {
      socket.end("HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
      reject(error);
    });
    server.handleUpgrade(plain, socket, Buffer.from(head), resolve);
  });
}

/** Resolves when the operating system has taken the message: that is what slows a sender down. */
export function sendMessage(socket: WebSocket, message: Buffer | string): Promise<void> {
  return new Promise((resolve, reject) =>
    socket.send(message, (error) => (error === undefined || error === null ? resolve() : reject(error))),
  );
}
