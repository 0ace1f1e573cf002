/** A backend in process that speaks SPDY as a kubelet does, and a front that streams to it; for tests. @module */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { systemClock } from "#apimachinery";
import { SpdyConnection } from "../spdy/spdy-connection.ts";
import type { SpdyStream } from "../spdy/spdy-stream.ts";
import { streamToBackend, type StreamRequest } from "../stream-to-backend.ts";

export interface Session {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly connection: SpdyConnection;
  /** By stream type, of those opened so far. */
  readonly streams: Map<string, SpdyStream>;
  /** Resolves when so many streams are open. */
  readonly opened: (count: number) => Promise<void>;
}

export interface FakeKubelet extends AsyncDisposable {
  readonly url: URL;
}

/** `protocol`: what it answers to X-Stream-Protocol-Version. */
export async function fakeKubelet(
  protocol: string,
  serve: (session: Session) => Promise<void> | void,
): Promise<FakeKubelet> {
  const server = createServer();
  server.on("upgrade", (request, socket, head) => {
    const switching = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n";
    socket.write(`${switching}X-Stream-Protocol-Version: ${protocol}\r\n\r\n`);
    void serve(newSession(request, socket, head));
  });
  return { url: new URL(await listen(server)), [Symbol.asyncDispose]: () => close(server) };
}

function newSession(request: IncomingMessage, socket: Duplex, head: Buffer): Session {
  const streams = new Map<string, SpdyStream>();
  let changed = Promise.withResolvers<void>();
  const onStream = (stream: SpdyStream): void => {
    streams.set(stream.headers["streamtype"] ?? "", stream);
    changed.resolve();
    changed = Promise.withResolvers();
  };
  return {
    request,
    socket,
    streams,
    connection: new SpdyConnection(socket, { isServer: true, onStream }, head),
    async opened(count) {
      while (streams.size < count) await changed.promise;
    },
  };
}

export interface Front extends AsyncDisposable {
  /** `ws://…` */
  readonly url: string;
  /** Resolves when the next session has ended. */
  sessionEnd(): Promise<void>;
}

/** A server that streams every upgrade to the backend. */
export async function front(backend: URL, subresource: StreamRequest["subresource"]): Promise<Front> {
  const server = createServer();
  let ended = Promise.withResolvers<void>();
  server.on("upgrade", (request, socket, head) => {
    const query = new URL(request.url ?? "/", "http://front").searchParams;
    const to = { url: new URL(`/${subresource}`, backend) };
    streamToBackend(
      { request, socket, head },
      { subresource, query, backend: to, clock: systemClock },
      new AbortController().signal,
    )
      .then(ended.resolve, ended.reject)
      .finally(() => (ended = Promise.withResolvers()));
  });
  const url = (await listen(server)).replace("http:", "ws:");
  return { url, sessionEnd: () => ended.promise, [Symbol.asyncDispose]: () => close(server) };
}

async function listen(server: Server): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function close(server: Server): Promise<void> {
  server.close();
  server.closeAllConnections();
  await Promise.resolve();
}
