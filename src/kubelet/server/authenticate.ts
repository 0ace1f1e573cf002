/** Who calls the kubelet's endpoint: the subject of the client certificate, if our authority signed it. @module */
import type { TLSSocket } from "node:tls";

export interface User {
  readonly name: string;
  readonly groups: readonly string[];
}

const ADMINS = "system:masters";
const API_SERVERS = new Set(["kube-apiserver", "kube-apiserver-kubelet-client", "system:kube-apiserver"]);

/** Undefined: no certificate that the client CA signed. */
export function userOf(socket: TLSSocket): User | undefined {
  if (!socket.authorized) return undefined;
  const { subject } = socket.getPeerCertificate();
  const name = first(subject?.CN);
  if (name === undefined || name === "") return undefined;
  return { name, groups: all(subject.O) };
}

/** The API server and administrators; nodes and pods have no business on other nodes. */
export function isAllowedByDefault({ name, groups }: User): boolean {
  return groups.includes(ADMINS) || API_SERVERS.has(name);
}

type Names = string | readonly string[] | undefined;

function first(names: Names): string | undefined {
  return all(names)[0];
}

function all(names: Names): readonly string[] {
  return names === undefined ? [] : typeof names === "string" ? [names] : names;
}
