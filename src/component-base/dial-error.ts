/** Failures of connections in the words of Go's net package, which users of Kubernetes know. Pure. @module */

const TEXTS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection reset by peer",
  EHOSTUNREACH: "no route to host",
  ENETUNREACH: "network is unreachable",
  EPIPE: "broken pipe",
};
const LOOKUP_TEXTS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ENOTFOUND: "no such host",
  ESERVFAIL: "server misbehaving",
  ETIMEOUT: "i/o timeout",
};

/** What a connection that is not made in its time is ended with. */
export class DialTimeout extends Error {
  override readonly name = "DialTimeout";
  readonly code = "ETIMEDOUT";

  constructor() {
    super("i/o timeout");
  }
}

export function joinHostPort(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** `dial tcp 10.0.0.1:80: connect: connection refused`. */
export function dialError(err: unknown, host: string, port: number): string {
  const address = joinHostPort(host, port);
  const { code = "", message = String(err) } = err as { code?: string; message?: string };
  const text = TEXTS[code];
  if (text !== undefined) return `dial tcp ${address}: connect: ${text}`;
  return `dial tcp ${address}: ${code === "ETIMEDOUT" ? "i/o timeout" : message}`;
}

/** Why a request to `url` has no answer. */
export function connectionError(err: unknown, { hostname, port, protocol }: URL): string {
  const {
    syscall,
    code = "",
    message = String(err),
  } = err as { [name in "syscall" | "code" | "message"]?: string };
  if (syscall === "connect" || code === "ETIMEDOUT") {
    const host = hostname.replaceAll(/[[\]]/g, "");
    return dialError(err, host, Number(port || (protocol === "https:" ? 443 : 80)));
  }
  return code === "ECONNRESET" ? "EOF" : message;
}

/** `lookup web.default.svc on 10.96.0.10:53: no such host`. */
export function lookupError(err: unknown, name: string, server: string): string {
  const { code = "", message = String(err) } = err as { code?: string; message?: string };
  return `lookup ${name} on ${joinHostPort(server, 53)}: ${LOOKUP_TEXTS[code] ?? message}`;
}
