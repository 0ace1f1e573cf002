/**
 * Proxy entries of the kernel have no lifetime, so those of an agent that was killed would be answered for beside the node that
 * takes over. A few lines of `sh` (1 MB) outlive the agent and withdraw them.
 * @module
 */
import { spawn } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import type { Link } from "./neighbour-tools.ts";

/** `link` answers for the addresses. */
export interface Announced {
  readonly link: Link;
  readonly addresses: ReadonlySet<string>;
}

export interface WithdrawalGuard {
  /** Resolves when nobody would withdraw anything any more, whatever ended it. */
  readonly ended: Promise<void>;
  /** Replaces what is to be withdrawn once this process is gone. Resolves when that holds. */
  hold(announced: readonly Announced[]): Promise<void>;
  /** As the end of this process: what is held is withdrawn after the time to wait; if nothing is, it ends at once. */
  close(): void;
}

/** Starts a guard, and takes over from the one before. */
export type StartGuard = (signal: AbortSignal) => Promise<WithdrawalGuard>;

export interface GuardOptions {
  /** Says who the node's agent is; the same for all agents of the node, and in the node's own folder. */
  readonly file: string;
  /** Differs between all agents of the node. */
  readonly token: string;
  /** So long may an agent be away before its addresses are: one that is started again at once interrupts nobody. */
  readonly waitSeconds: number;
}

/**
 * $1 is the file that says whose the addresses are, $2 this agent's token, $3 the seconds to wait. Every line of the standard
 * input is all there is to withdraw, as `DEVICE ADDRESS DEVICE ADDRESS …`; its end is the agent's end. The lock makes asking
 * whose they are and withdrawing them one step. A device that is gone has taken its entries along.
 */
const GUARD = `
file=$1 token=$2 left=$3
is_mine() { now=$(cat "$file" 2>/dev/null); [ "\${now:-$token}" = "$token" ]; }
exec 9>>"$file" && flock -w 5 9 && echo "$token" >"$file" && flock -u 9 || exit 1
echo ready
exec >/dev/null
held=
while read -r line; do held=$line; done
set -- $held
[ $# -gt 1 ] || exit 0
while [ "$left" -gt 0 ]; do
  sleep 1
  left=$((left - 1))
  is_mine || exit 0
  ip link show dev "$1" >/dev/null 2>&1 || exit 0
done
flock -w 5 9 || exit 1
is_mine || exit 0
while [ $# -gt 1 ]; do echo "neigh del proxy $2 dev $1"; shift 2; done | ip -force -batch -
`;

export async function startGuard(
  { file, token, waitSeconds }: GuardOptions,
  signal: AbortSignal,
): Promise<WithdrawalGuard> {
  signal.throwIfAborted();
  await mkdir(dirname(file), { recursive: true });
  // a session of its own: what is sent to the agent's group is not meant for it; no environment: it is not the agent
  const child = spawn(
    "/bin/sh",
    ["-c", GUARD, "k8ts-load-balancer-guard", file, token, String(waitSeconds)],
    {
      detached: true,
      stdio: ["pipe", "pipe", "inherit"],
      cwd: "/",
      env: {},
    },
  );
  const ended = new Promise<void>((resolve) => {
    child.once("exit", () => resolve()).once("error", () => resolve());
  });
  child.stdin.on("error", () => {}); // it has ended, which `ended` tells
  await new Promise<void>((resolve, reject) => {
    child.stdout.once("data", () => resolve());
    child.once("error", reject);
    child.once("exit", (code) =>
      reject(new Error(`The guard of announced addresses ended with code ${code}`)),
    );
  });
  child.unref();
  return {
    ended,
    hold: (announced) =>
      new Promise<void>((resolve, reject) =>
        child.stdin.write(`${heldLine(announced)}\n`, (err) => (err ? reject(err) : resolve())),
      ),
    close: () => void child.stdin.end(),
  };
}

function heldLine(announced: readonly Announced[]): string {
  return announced
    .flatMap(({ link, addresses }) => [...addresses].map((ip) => `${link.name} ${ip}`))
    .join(" ");
}
