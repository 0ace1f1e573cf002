/**
 * Exec and attach for WebSocket clients, on kubelets that speak SPDY: channels of messages on one side become streams on
 * the other, and the outcome comes back on the error channel.
 * @module
 */
import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import { StatusError, badRequest, type Clock, type Status } from "#apimachinery";
import { readBody } from "#component-base";
import type { UpgradeConnection } from "../handlers/request.ts";
import type { UpgradeBackend } from "./backend.ts";
import {
  decodeMessage,
  encodeMessage,
  ERROR,
  RESIZE,
  selectProtocol,
  STDERR,
  STDIN,
  STDOUT,
  type ChannelProtocol,
} from "./channels.ts";
import { writeStatus } from "./http-response.ts";
import {
  internalError,
  openRemoteCommand,
  type RemoteCommandSession,
  type RemoteCommandStreams,
} from "./remote-command-client.ts";
import { offeredProtocols } from "./upgrade-headers.ts";
import { acceptWebSocket, sendMessage } from "./websocket.ts";

const PING_PERIOD_MS = 5_000;
/** Of the outcome; a Status is a few hundred. */
const OUTCOME_BYTES_MAX = 64 * 1024;

/** Resolves when the session is over. */
export async function translateWebSocketToSpdy(
  upgrade: UpgradeConnection,
  backend: UpgradeBackend,
  streams: RemoteCommandStreams,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const offered = offeredProtocols(upgrade.request);
  const protocol = selectProtocol(offered);
  if (protocol === undefined)
    return writeStatus(
      upgrade.socket,
      badRequest(`requested protocol(s) are not supported: ${offered.join(", ")}`),
    );
  const socket = await acceptWebSocket(upgrade, protocol.name);
  const gone = goneSignal(socket, signal);
  try {
    // An empty message tells the client that it is connected.
    const first = streams.stdout ? STDOUT : streams.stderr ? STDERR : ERROR;
    await sendMessage(socket, encodeMessage(protocol, first, Buffer.alloc(0)));
    const outcome = await runSession(socket, protocol, upgrade, { backend, streams, clock }, gone);
    await sendOutcome(socket, protocol, outcome);
    socket.close(1000);
  } catch (error) {
    // The client went away, and with it the only one to tell.
    if (!gone.aborted) throw error;
    socket.terminate();
  }
}

interface Context {
  readonly backend: UpgradeBackend;
  readonly streams: RemoteCommandStreams;
  readonly clock: Clock;
}

async function runSession(
  socket: WebSocket,
  protocol: ChannelProtocol,
  { request }: UpgradeConnection,
  { backend, streams, clock }: Context,
  gone: AbortSignal,
): Promise<Status> {
  // Nothing that comes early is lost: it waits in the socket.
  socket.pause();
  let session: RemoteCommandSession;
  try {
    session = await openRemoteCommand(request, backend, streams, gone);
  } catch (error) {
    socket.resume();
    return (error instanceof StatusError ? error : internalError(String(error))).toStatus();
  }
  const close = (): void => session.connection.close();
  gone.addEventListener("abort", close, { once: true });
  if (gone.aborted) close();
  const pings = pingEvery(clock, () => session.connection.ping());
  try {
    receive(socket, protocol, session);
    socket.resume();
    const [message] = await Promise.all([
      readOutcome(session.error),
      send(socket, protocol, STDOUT, session.stdout),
      send(socket, protocol, STDERR, session.stderr),
    ]);
    return session.outcome(message);
  } finally {
    pings.cancel();
    gone.removeEventListener("abort", close);
    close();
  }
}

/** From the client: input, sizes of its terminal, and the ends of channels. */
function receive(socket: WebSocket, protocol: ChannelProtocol, session: RemoteCommandSession): void {
  const streams = new Map<number, Duplex | undefined>([
    [STDIN, session.stdin],
    [RESIZE, session.resize],
  ]);
  // A process that does not take its input stops us from reading; a stream that is gone no longer does.
  for (const stream of streams.values())
    for (const free of ["drain", "close"]) stream?.on(free, () => socket.resume());
  socket.on("message", (data: Buffer) => {
    const message = decodeMessage(protocol, data);
    const stream = message && streams.get(message.channel);
    if (message === undefined || stream === undefined || stream.writableEnded || stream.destroyed) return;
    if (message.type === "close") stream.end();
    if (message.type === "close" || message.data.length === 0 || stream.write(message.data)) return;
    socket.pause();
  });
}

/** To the client, no faster than it reads. */
async function send(
  socket: WebSocket,
  protocol: ChannelProtocol,
  channel: number,
  stream: Duplex | undefined,
): Promise<void> {
  for await (const chunk of stream === undefined ? [] : readingOnly(stream))
    await sendMessage(socket, encodeMessage(protocol, channel, chunk));
}

function readOutcome(stream: Duplex): Promise<Buffer> {
  const tooLarge = (): Error => new Error(`an outcome of more than ${OUTCOME_BYTES_MAX} bytes`);
  return readBody(readingOnly(stream), OUTCOME_BYTES_MAX, tooLarge);
}

/**
 * Leaves the stream as it is at its end. Destroying it would tell the runtime so, and a runtime that has said everything
 * and is closing its connection meets that frame with a TCP reset, which takes the outcome with it.
 */
function readingOnly(stream: Duplex): AsyncIterable<Buffer> {
  return stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
}

async function sendOutcome(socket: WebSocket, protocol: ChannelProtocol, outcome: Status): Promise<void> {
  const text = protocol.outcome === "status" ? JSON.stringify(outcome) : (outcome.message ?? "");
  if (text !== "") await sendMessage(socket, encodeMessage(protocol, ERROR, Buffer.from(text)));
}

/** Aborts when the client is gone, or when the server wants the session to end. */
function goneSignal(socket: WebSocket, signal: AbortSignal): AbortSignal {
  const controller = new AbortController();
  socket.once("close", () => controller.abort());
  socket.on("error", () => controller.abort());
  signal.addEventListener("abort", () => socket.terminate(), { once: true, signal: controller.signal });
  if (signal.aborted) socket.terminate();
  return controller.signal;
}

function pingEvery(clock: Clock, ping: () => void): { cancel(): void } {
  const next = () =>
    clock.after(PING_PERIOD_MS, () => {
      ping();
      timer = next();
    });
  let timer = next();
  return { cancel: () => timer.cancel() };
}
