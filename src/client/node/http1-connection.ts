/** HTTP/1.1 as a `Connection`, for servers and proxies that know no HTTP/2: one socket per request under way. @module */
import type { Agent, IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { ConnectionOptions } from "node:tls";
import { flattenHeaders, type Connection, type RawRequest, type RawResponse } from "./exchange.ts";
import { UnreachableError } from "../unreachable.ts";

// an import would read all exports, and the last ones load fetch and WebSocket: megabytes
const { Agent: HttpAgent, request: httpRequest } = process.getBuiltinModule("node:http");

/** Every watch holds a socket. */
const SOCKETS_MAX = 256;
const IDLE_SOCKETS_MAX = 8;

/** `tls` is undefined for plain HTTP. */
export function openHttp1(server: URL, tls: ConnectionOptions | undefined): Connection {
  const limits = { keepAlive: true, maxSockets: SOCKETS_MAX, maxFreeSockets: IDLE_SOCKETS_MAX };
  const agent =
    tls === undefined
      ? new HttpAgent(limits)
      : new HttpsAgent({ ...limits, ...tls, ALPNProtocols: ["http/1.1"] });
  return new Http1Connection(server, agent);
}

class Http1Connection implements Connection {
  readonly #server: URL;
  readonly #agent: Agent | HttpsAgent;
  #usable = true;

  constructor(server: URL, agent: Agent | HttpsAgent) {
    this.#server = server;
    this.#agent = agent;
  }

  get usable(): boolean {
    return this.#usable;
  }

  send({ method, path, headers, body }: RawRequest, signal: AbortSignal): Promise<RawResponse> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason as Error);
      const { protocol, hostname, port } = this.#server;
      const start = protocol === "https:" ? httpsRequest : httpRequest;
      const length = body === undefined ? {} : { "content-length": String(body.byteLength) };
      const request = start({
        method,
        path,
        // URLs keep the brackets of IPv6 addresses, sockets do not want them.
        hostname: hostname.replace(/^\[(.*)\]$/, "$1"),
        port,
        headers: { ...headers, ...length } as Record<string, string>,
        agent: this.#agent,
      });
      const onAbort = (): void => {
        request.destroy();
        reject(signal.reason as Error);
      };
      signal.addEventListener("abort", onAbort, { once: true });
      request.on("error", (err) =>
        reject(new UnreachableError(`${method} ${path} got no answer`, { cause: err })),
      );
      request.once("close", () => signal.removeEventListener("abort", onAbort));
      request.once("response", (message: IncomingMessage) => {
        resolve({
          status: message.statusCode ?? 0,
          headers: flattenHeaders(message.headers),
          body: message as AsyncIterable<Uint8Array> & IncomingMessage,
        });
      });
      request.end(body);
    });
  }

  retire(): void {
    this.#usable = false; // idle sockets end with the agent's timeout
  }

  close(): void {
    this.#usable = false;
    this.#agent.destroy();
  }
}
