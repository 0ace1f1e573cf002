/** Failures of probes in the words that users of Kubernetes know. Pure. @module */
import * as connections from "#component-base";

/** `dial tcp 10.0.0.1:80: connect: connection refused`. */
export function dialError(err: unknown, host: string, port: number): string {
  return connections.dialError(isTimeout(err) ? new connections.DialTimeout() : err, host, port);
}

export class ProbeTimeout extends Error {
  override readonly name = "ProbeTimeout";
}

export function isTimeout(err: unknown): boolean {
  for (let e = err; e instanceof Error; e = e.cause) if (e instanceof ProbeTimeout) return true;
  return false;
}
