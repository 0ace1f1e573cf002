/** containerd's shims, as the kernel shows them: who holds which container, for which containerd. @module */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { commandLine, findProcesses } from "#component-base";
import { CONTAINERD_NAMESPACE } from "./content.ts";

export interface Shim {
  readonly pid: number;
  /** Of the sandbox that it was started for. */
  readonly id: string;
}

/** Where every containerd of a machine puts its shims' sockets. */
export const SHIM_SOCKET_DIR = "/run/containerd/s";

/** Those that report to the containerd of this socket: their command line holds it. */
export async function findShims(socketPath: string): Promise<readonly Shim[]> {
  const shims: Shim[] = [];
  for (const pid of await findProcesses((argv) => shimIdOf(argv, socketPath) !== undefined)) {
    const id = shimIdOf((await commandLine(pid)) ?? [], socketPath);
    if (id !== undefined) shims.push({ pid, id });
  }
  return shims;
}

/** Undefined: no shim, or another containerd's. */
export function shimIdOf(argv: readonly string[], socketPath: string): string | undefined {
  const option = (name: string): string | undefined => {
    const at = argv.indexOf(name);
    return at < 0 ? undefined : argv[at + 1];
  };
  const isOurs =
    /containerd-shim/.test(argv[0] ?? "") &&
    option("-address") === socketPath &&
    option("-namespace") === CONTAINERD_NAMESPACE;
  return isOurs ? option("-id") : undefined;
}

/** containerd's own rule: its name is made of whom it belongs to. */
export function shimSocket(socketPath: string, id: string): string {
  const name = createHash("sha256")
    .update(join(socketPath, CONTAINERD_NAMESPACE, id))
    .digest("hex");
  return join(SHIM_SOCKET_DIR, name);
}
