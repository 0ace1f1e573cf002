/** Answers written straight to a connection that has left HTTP's hands. @module */
import type { Duplex } from "node:stream";
import { STATUS_CODES } from "../http/node-http.ts";
import { StatusError } from "#apimachinery";
import { connectionError } from "#component-base";
import type { BackendResponse, RawHeaders } from "./backend.ts";

/** Headers about one hop; the body they describe is sent anew. */
const HOP_HEADERS = new Set(["connection", "content-length", "keep-alive", "transfer-encoding", "upgrade"]);

/** The backend's own answer to the upgrade, header by header. */
export function writeSwitch(socket: Duplex, { status, statusText, rawHeaders }: BackendResponse): void {
  socket.write(head(status, statusText, rawHeaders));
}

/** A refusal of the backend, passed on; closes the connection. */
export function writeRefusal(socket: Duplex, response: BackendResponse, body: Buffer): void {
  const kept: string[] = [];
  for (let i = 0; i + 1 < response.rawHeaders.length; i += 2)
    if (!HOP_HEADERS.has(response.rawHeaders[i]!.toLowerCase()))
      kept.push(...response.rawHeaders.slice(i, i + 2));
  end(socket, response.status, response.statusText, kept, body);
}

/** A metav1.Status; closes the connection. */
export function writeStatus(socket: Duplex, error: StatusError): void {
  const body = Buffer.from(JSON.stringify(error.toStatus()));
  end(socket, error.code, STATUS_CODES[error.code] ?? "", ["Content-Type", "application/json"], body);
}

/** Upstream's answer when the other side cannot be reached. */
export function dialError(cause: unknown, url: URL): StatusError {
  return new StatusError("Unknown", `error dialing backend: ${connectionError(cause, url)}`, { cause });
}

function end(socket: Duplex, status: number, text: string, headers: RawHeaders, body: Buffer): void {
  const all = [...headers, "Content-Length", `${body.length}`, "Connection", "close"];
  socket.end(Buffer.concat([head(status, text, all), body]));
}

function head(status: number, text: string, rawHeaders: RawHeaders): Buffer {
  const lines = [`HTTP/1.1 ${status} ${text}`];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) lines.push(`${rawHeaders[i]}: ${rawHeaders[i + 1]}`);
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
}
