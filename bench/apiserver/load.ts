/**
 * A client that costs little: raw HTTP/1.1 over TLS, prepared requests, answers counted by their length. Runs in a worker
 * of its own, so that the event loop of the server under test does nothing but serve.
 * @module
 */
import { once } from "node:events";
import * as http2 from "node:http2";
import { connect, type TLSSocket } from "node:tls";
import { parentPort, workerData } from "node:worker_threads";

export interface LoadRequest {
  readonly port: number;
  readonly cert: string;
  readonly key: string;
  readonly method: "GET" | "POST";
  readonly path: string;
  /** `NAME_PLACEHOLDER` in it becomes a name of its own for each request. */
  readonly body?: string;
  /** `body` is base64 of protobuf, where names are as long as the placeholder. */
  readonly isProtobuf?: boolean;
  readonly connections: number;
  readonly requests: number;
  /** Part of the names. */
  readonly run: string;
}

export interface LoadResult {
  readonly perSecond: number;
  readonly failed: number;
  /** Of the latencies, ms. */
  readonly p99: number;
  readonly bytes: number;
}

export interface WatchLoad {
  readonly port: number;
  readonly cert: string;
  readonly key: string;
  readonly path: string;
  readonly watchers: number;
  /** Over HTTP/2, so many to a connection; absent: a connection each. */
  readonly streams?: number;
  /** Deliveries to wait for, over all watchers. */
  readonly deliveries: number;
}

export const NAME_PLACEHOLDER = "name-of-the-object";

const CRLF2 = Buffer.from("\r\n\r\n");

if (parentPort !== null) {
  const port = parentPort;
  const { kind } = workerData as { kind: "load" | "watch" };
  if (kind === "load") {
    port.on(
      "message",
      (request: LoadRequest) => void load(request).then((result) => port.postMessage(result)),
    );
  } else {
    port.on(
      "message",
      (request: WatchLoad) =>
        void watch(request, () => port.postMessage("ready")).then((ms) => port.postMessage(ms)),
    );
  }
}

async function load(request: LoadRequest): Promise<LoadResult> {
  const sockets = await Promise.all(Array.from({ length: request.connections }, () => open(request)));
  const latencies: number[] = [];
  let sent = 0;
  let failed = 0;
  let bytes = 0;
  const start = performance.now();
  await Promise.all(
    sockets.map(
      (socket) =>
        new Promise<void>((resolve, reject) => {
          let startedAt = 0;
          const next = (): void => {
            if (sent >= request.requests) return resolve();
            startedAt = performance.now();
            socket.write(requestText(request, sent++));
          };
          socket.on("error", reject);
          onAnswers(socket, (status, size) => {
            latencies.push(performance.now() - startedAt);
            bytes += size;
            if (status >= 300) failed++;
            next();
          });
          next();
        }),
    ),
  );
  const seconds = (performance.now() - start) / 1000;
  for (const socket of sockets) socket.destroy();
  latencies.sort((a, b) => a - b);
  const p99 = latencies[Math.floor(latencies.length * 0.99)] ?? 0;
  return { perSecond: request.requests / seconds, failed, p99, bytes };
}

/** Resolves with the ms from the first delivery to the last. */
async function watch(request: WatchLoad, ready: () => void): Promise<number> {
  if (request.streams !== undefined) return watchStreams(request, request.streams, ready);
  let delivered = 0;
  let firstAt = 0;
  const done = Promise.withResolvers<number>();
  const sockets = await Promise.all(Array.from({ length: request.watchers }, () => open(request)));
  let started = 0;
  for (const socket of sockets) {
    let isOpen = false;
    socket.on("data", (chunk: Buffer) => {
      if (!isOpen) {
        isOpen = true;
        if (++started === sockets.length) ready();
        if (chunk.indexOf('"type"') < 0) return;
      }
      firstAt ||= performance.now();
      for (let at = chunk.indexOf('{"type"'); at >= 0; at = chunk.indexOf('{"type"', at + 1)) delivered++;
      if (delivered >= request.deliveries) done.resolve(performance.now() - firstAt);
    });
    socket.write(`GET ${request.path} HTTP/1.1\r\nhost: x\r\n\r\n`);
  }
  const ms = await done.promise;
  for (const socket of sockets) socket.destroy();
  return ms;
}

async function watchStreams(request: WatchLoad, perSession: number, ready: () => void): Promise<number> {
  const { port, cert, key, path, watchers, deliveries } = request;
  let delivered = 0;
  let firstAt = 0;
  const done = Promise.withResolvers<number>();
  const sessions = Array.from({ length: watchers / perSession }, () =>
    http2.connect(`https://127.0.0.1:${port}`, { cert, key, rejectUnauthorized: false }),
  );
  for (const session of sessions) {
    const streams = Array.from({ length: perSession }, () => session.request({ ":path": path }));
    for (const stream of streams) {
      stream.on("data", (chunk: Buffer) => {
        firstAt ||= performance.now();
        for (let at = chunk.indexOf('{"type"'); at >= 0; at = chunk.indexOf('{"type"', at + 1)) delivered++;
        if (delivered >= deliveries) done.resolve(performance.now() - firstAt);
      });
    }
    await Promise.all(streams.map((stream) => once(stream, "response")));
  }
  ready();
  const ms = await done.promise;
  for (const session of sessions) session.destroy();
  return ms;
}

function open({ port, cert, key }: { port: number; cert: string; key: string }): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: "127.0.0.1",
      port,
      cert,
      key,
      rejectUnauthorized: false,
      ALPNProtocols: ["http/1.1"],
    });
    socket.setNoDelay(true);
    socket.once("error", reject);
    socket.once("secureConnect", () => resolve(socket));
  });
}

function requestText(
  { method, path, body, run, isProtobuf = false }: LoadRequest,
  i: number,
): string | Buffer {
  if (isProtobuf && body !== undefined) return protobufRequest(path, body, `${run}-${i}`);
  if (body === undefined) return `${method} ${path} HTTP/1.1\r\nhost: x\r\n\r\n`;
  const text = body.replace(NAME_PLACEHOLDER, `${run}-${i}`);
  return `${method} ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${text.length}\r\n\r\n${text}`;
}

function protobufRequest(path: string, body: string, name: string): Buffer {
  const bytes = Buffer.from(body, "base64");
  bytes.write(name.padEnd(NAME_PLACEHOLDER.length, "x"), bytes.indexOf(NAME_PLACEHOLDER), "latin1");
  const type = "application/vnd.kubernetes.protobuf";
  const head = `POST ${path} HTTP/1.1\r\nhost: x\r\naccept: ${type}\r\ncontent-type: ${type}\r\ncontent-length: ${bytes.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), bytes]);
}

/** Answers have a length or come in chunks; one is outstanding at a time. */
function onAnswers(socket: TLSSocket, onAnswer: (status: number, size: number) => void): void {
  let buffered: Buffer = Buffer.alloc(0);
  let missing = -1;
  let status = 0;
  let size = 0;
  let isChunked = false;
  socket.on("data", (chunk: Buffer) => {
    if (missing < 0) {
      buffered = buffered.length === 0 ? chunk : Buffer.concat([buffered, chunk]);
      const end = buffered.indexOf(CRLF2);
      if (end < 0) return;
      const head = buffered.toString("latin1", 0, end).toLowerCase();
      status = Number(head.slice(9, 12));
      isChunked = head.includes("transfer-encoding: chunked");
      missing = isChunked ? Number.MAX_SAFE_INTEGER : Number(/content-length: (\d+)/.exec(head)?.[1] ?? 0);
      const rest = buffered.subarray(end + 4);
      size = rest.length;
      missing -= rest.length;
      chunk = rest;
    } else {
      missing -= chunk.length;
      size += chunk.length;
    }
    const isDone = isChunked ? chunk.subarray(-5).toString("latin1") === "0\r\n\r\n" : missing <= 0;
    if (!isDone) return;
    missing = -1;
    buffered = Buffer.alloc(0);
    onAnswer(status, size);
  });
}
