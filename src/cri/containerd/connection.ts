/** gRPC over a unix socket with our own messages: unary calls and streams that end with an AbortSignal. @module */
import { Client, connectivityState, Metadata, credentials, type ServiceError } from "@grpc/grpc-js";
import type { Clock } from "#apimachinery";
import { RUNTIME_ERROR_CODES, RuntimeError } from "../errors.ts";
import { decode, encode } from "./wire/codec.ts";
import type { Method } from "./wire/schema.ts";

/** Kubelet's own bound; an execSync may answer with 16 MiB on each of its two outputs. */
const MESSAGE_BYTES_MAX = 36 * 1024 * 1024;
/** A runtime that restarts is back within a second or so: ask often. */
const RECONNECT_MIN_MS = 100;
const RECONNECT_MAX_MS = 1_000;

export interface CallSettings {
  readonly signal: AbortSignal;
  /** Then a unary call fails with DeadlineExceeded; undefined: no limit but the signal. */
  readonly deadlineMs?: number | undefined;
  /** Header fields, e.g. `containerd-namespace`. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** A stream in both directions: write, read what comes back, end. */
interface DuplexCall {
  /** Resolves when the other side can take more. */
  write(message: object): Promise<void>;
  end(): void;
  readonly responses: AsyncIterable<object>;
}

export interface Connection {
  unary(method: Method, request: object, settings: CallSettings): Promise<object>;
  serverStream(method: Method, request: object, settings: CallSettings): AsyncIterable<object>;
  duplex(method: Method, settings: CallSettings): DuplexCall;
  /** Stays connected though nobody calls, and tells whenever that changes, until it is closed or `signal` aborts. */
  keepConnected(onChange: (isConnected: boolean) => void, signal: AbortSignal): void;
  close(): void;
}

/** Connects when first used, and again after the runtime has gone away. `peer` is how errors name the other side. */
export function connect(socketPath: string, clock: Clock, peer = "the container runtime"): Connection {
  const client = new Client(`unix:${socketPath}`, credentials.createInsecure(), {
    "grpc.max_receive_message_length": MESSAGE_BYTES_MAX,
    "grpc.max_send_message_length": MESSAGE_BYTES_MAX,
    "grpc.initial_reconnect_backoff_ms": RECONNECT_MIN_MS,
    "grpc.min_reconnect_backoff_ms": RECONNECT_MIN_MS,
    "grpc.max_reconnect_backoff_ms": RECONNECT_MAX_MS,
    "grpc.enable_retries": 0,
  });
  return {
    unary: (method, request, settings) => unary({ client, clock, peer }, method, request, settings),
    serverStream: (method, request, settings) => serverStream({ client, peer }, method, request, settings),
    duplex: (method, settings) => duplex({ client, peer }, method, settings),
    keepConnected: (onChange, signal) => keepConnected(client, onChange, signal),
    close: () => client.close(),
  };
}

function keepConnected(client: Client, onChange: (isConnected: boolean) => void, signal: AbortSignal): void {
  const channel = client.getChannel();
  let wasConnected = false;
  const look = (): void => {
    if (signal.aborted) return;
    // Asks for a connection where there is none, which may change the state at once.
    channel.getConnectivityState(true);
    const state = channel.getConnectivityState(false);
    const isConnected = state === connectivityState.READY;
    if (isConnected !== wasConnected) onChange((wasConnected = isConnected));
    if (state === connectivityState.SHUTDOWN) return;
    // Not from within the callback: the channel is amid its change then.
    channel.watchConnectivityState(state, Infinity, () => queueMicrotask(look));
  };
  look();
}

interface Peer {
  readonly client: Client;
  readonly peer: string;
}

function unary(
  { client, clock, peer }: Peer & { readonly clock: Clock },
  method: Method,
  request: object,
  { signal, deadlineMs, ...settings }: CallSettings,
): Promise<object> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    let isLate = false;
    const call = client.makeUnaryRequest<object, object>(
      method.path,
      (message) => Buffer.from(encode(method.request, message)),
      (bytes) => decode(method.response, bytes),
      request,
      metadata(settings),
      (err, response) => {
        signal.removeEventListener("abort", cancel);
        timer?.cancel();
        if (err === null) resolve(response ?? {});
        else if (signal.aborted) reject(signal.reason as Error);
        else if (isLate)
          reject(
            new RuntimeError("DeadlineExceeded", `no answer to ${method.path} in ${deadlineMs} ms`, err),
          );
        else reject(asRuntimeError(err, peer));
      },
    );
    const cancel = (): void => call.cancel();
    signal.addEventListener("abort", cancel, { once: true });
    const timer =
      deadlineMs === undefined
        ? undefined
        : clock.after(deadlineMs, () => {
            isLate = true;
            call.cancel();
          });
  });
}

async function* serverStream(
  { client, peer }: Peer,
  method: Method,
  request: object,
  settings: CallSettings,
): AsyncIterable<object> {
  const { signal } = settings;
  signal.throwIfAborted();
  const call = client.makeServerStreamRequest<object, object>(
    method.path,
    (message) => Buffer.from(encode(method.request, message)),
    (bytes) => decode(method.response, bytes),
    request,
    metadata(settings),
  );
  yield* responsesOf(call, peer, signal);
}

function duplex({ client, peer }: Peer, method: Method, settings: CallSettings): DuplexCall {
  settings.signal.throwIfAborted();
  const call = client.makeBidiStreamRequest<object, object>(
    method.path,
    (message) => Buffer.from(encode(method.request, message)),
    (bytes) => decode(method.response, bytes),
    metadata(settings),
  );
  return {
    write: (message) =>
      new Promise((resolve, reject) => {
        call.write(message, (err: Error | null | undefined) => (err == null ? resolve() : reject(err)));
      }),
    end: () => void call.end(),
    responses: responsesOf(call, peer, settings.signal),
  };
}

interface Cancellable extends AsyncIterable<unknown> {
  cancel(): void;
}

async function* responsesOf(call: Cancellable, peer: string, signal: AbortSignal): AsyncIterable<object> {
  const cancel = (): void => call.cancel();
  signal.addEventListener("abort", cancel, { once: true });
  try {
    for await (const message of call) yield message as object;
  } catch (err) {
    signal.throwIfAborted();
    throw asRuntimeError(err, peer);
  } finally {
    signal.removeEventListener("abort", cancel);
    call.cancel();
  }
}

function metadata(settings: Pick<CallSettings, "headers">): Metadata {
  const result = new Metadata();
  for (const [name, value] of Object.entries(settings.headers ?? {})) result.set(name, value);
  return result;
}

/** The status as a RuntimeError; what is no status (a bug, a decoding failure) keeps its text under Internal. */
function asRuntimeError(err: unknown, peer: string): RuntimeError {
  const { code, details, message } = err as Partial<ServiceError>;
  const name = typeof code === "number" ? RUNTIME_ERROR_CODES[code] : undefined;
  // What grpc-js says when nobody listens holds its own advice on name resolution.
  const [, unreachable] =
    /^No connection established\. Last error: (?:Error: )?(.*?)\.? Resolution note/.exec(details ?? "") ?? [];
  const text = unreachable === undefined ? details : `Cannot reach ${peer}: ${unreachable}`;
  return new RuntimeError(name ?? "Internal", text ?? message ?? String(err), err);
}
