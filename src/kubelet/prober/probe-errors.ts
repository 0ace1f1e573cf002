/** Failures of connections in the words of Go's net package, which users of Kubernetes know. Pure. @module */
import { isIPv6 } from "node:net";

const TEXTS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection reset by peer",
  EHOSTUNREACH: "no route to host",
  ENETUNREACH: "network is unreachable",
  EPIPE: "broken pipe",
};

export function joinHostPort(host: string, port: number): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}

/** `dial tcp 10.0.0.1:80: connect: connection refused`. */
export function dialError(err: unknown, host: string, port: number): string {
  const address = joinHostPort(host, port);
  const { code, message } = err as NodeJS.ErrnoException;
  const text = TEXTS[code ?? ""];
  if (text !== undefined) return `dial tcp ${address}: connect: ${text}`;
  if (code === "ETIMEDOUT" || isTimeout(err)) return `dial tcp ${address}: i/o timeout`;
  return `dial tcp ${address}: ${message}`;
}

export class ProbeTimeout extends Error {
  override readonly name = "ProbeTimeout";
}

export function isTimeout(err: unknown): boolean {
  for (let e = err; e instanceof Error; e = e.cause) if (e instanceof ProbeTimeout) return true;
  return false;
}
