/** Exec and attach over SPDY, from the client's side: the streams of one session with a kubelet. @module */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { StatusError, type Status } from "#apimachinery";
import { connectionError } from "#component-base";
import { dialUpgrade, type Dialed, type UpgradeBackend } from "./backend.ts";
import { SpdyConnection } from "./spdy/spdy-connection.ts";
import { spdyHeaders } from "./upgrade-headers.ts";

/** Which streams the session has. */
export interface RemoteCommandStreams {
  readonly stdin: boolean;
  readonly stdout: boolean;
  /** Ignored with a terminal, where both outputs are one. */
  readonly stderr: boolean;
  readonly tty: boolean;
}

export interface RemoteCommandSession {
  readonly connection: SpdyConnection;
  readonly error: Duplex;
  readonly stdin?: Duplex;
  readonly stdout?: Duplex;
  readonly stderr?: Duplex;
  readonly resize?: Duplex;
  /** The outcome, once the error stream has ended. */
  outcome(message: Buffer): Status;
}

/** In order of preference. The first whose outcome is a Status is v4; v3 brought the resizing of terminals. */
const PROTOCOLS = ["v4.channel.k8s.io", "v3.channel.k8s.io", "v2.channel.k8s.io", "channel.k8s.io"];

/** Throws a StatusError when the backend cannot be reached or refuses. */
export async function openRemoteCommand(
  request: IncomingMessage,
  backend: UpgradeBackend,
  streams: RemoteCommandStreams,
  signal: AbortSignal,
): Promise<RemoteCommandSession> {
  let dialed: Dialed;
  try {
    dialed = await dialUpgrade(backend, "POST", spdyHeaders(request, PROTOCOLS), signal);
  } catch (error) {
    throw unreachable(error, backend.url);
  }
  if (dialed.type === "refused") throw refusal(dialed.response.status, dialed.body);
  const connection = new SpdyConnection(dialed.socket, { isServer: false }, dialed.head);
  const chosen = dialed.response.headers["x-stream-protocol-version"];
  const protocol = typeof chosen === "string" ? PROTOCOLS.indexOf(chosen) : PROTOCOLS.length - 1;
  const hasResize = streams.tty && protocol <= PROTOCOLS.indexOf("v3.channel.k8s.io");
  const names = [
    "error",
    ...(streams.stdin ? ["stdin"] : []),
    ...(streams.stdout ? ["stdout"] : []),
    ...(streams.stderr && !streams.tty ? ["stderr"] : []),
    ...(hasResize ? ["resize"] : []),
  ];
  try {
    const opened = await Promise.all(names.map((streamtype) => connection.open({ streamtype })));
    const byName = new Map(opened.map((stream) => [stream.headers["streamtype"], stream]));
    const optional = (name: keyof RemoteCommandSession): object => {
      const stream = byName.get(name);
      return stream === undefined ? {} : { [name]: stream };
    };
    return {
      connection,
      error: byName.get("error")!,
      ...optional("stdin"),
      ...optional("stdout"),
      ...optional("stderr"),
      ...optional("resize"),
      outcome: protocol === 0 ? decodeStatus : decodeText,
    };
  } catch (error) {
    connection.close();
    throw unreachable(error, backend.url);
  }
}

/** In the words of upstream's own client of the kubelet. */
function unreachable(cause: unknown, url: URL): StatusError {
  return internalError(
    `error sending request: Post ${JSON.stringify(url.href)}: ${connectionError(cause, url)}`,
  );
}

/** A Status if the backend answered with one, otherwise its words in ours. */
function refusal(code: number, body: Buffer): StatusError {
  const status = parseStatus(body);
  if (status !== undefined) return StatusError.fromStatus(status, code);
  return internalError(`unable to upgrade connection: ${body.toString().trim()}`);
}

export function internalError(message: string): StatusError {
  return new StatusError("InternalError", `Internal error occurred: ${message}`, {
    details: { causes: [{ field: "", message }] },
  });
}

/** From v4 on there is always a Status; without one the session broke. */
function decodeStatus(message: Buffer): Status {
  const broken = "error reading from error stream: the connection was closed";
  return parseStatus(message) ?? internalError(broken).toStatus();
}

function decodeText(message: Buffer): Status {
  const text = message.toString().trim();
  if (text === "") return { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success" };
  return internalError(`error executing remote command: ${text}`).toStatus();
}

function parseStatus(bytes: Buffer): Status | undefined {
  try {
    const value = JSON.parse(bytes.toString()) as Partial<Status> | null;
    return value?.status === "Success" || value?.status === "Failure" ? (value as Status) : undefined;
  } catch {
    return undefined;
  }
}
