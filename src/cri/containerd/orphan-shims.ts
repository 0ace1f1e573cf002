/**
 * Ends shims that their containerd has forgotten. One that is killed between the start of a shim and the first task in it never
 * takes the shim down: not when it is back, and not with the sandbox. Nor does one that was replaced by an older version, which
 * takes what the newer has started for dead.
 * @module
 */
import { readdir, readFile, rm } from "node:fs/promises";
import { type Clock, type Logger, pause } from "#apimachinery";
import { signalProcess } from "#component-base";
import { isRuntimeNotFound } from "../errors.ts";
import type { RuntimeService } from "../runtime.ts";
import { connect, type Connection } from "./connection.ts";
import { CONTAINERD_NAMESPACE } from "./content.ts";
import { createContainerdRuntime } from "./containerd-runtime.ts";
import { findShims, type Shim, shimSocket } from "./shims.ts";
import { containerdContainers } from "./wire/containerd-tables.ts";
import { createSchema } from "./wire/schema.ts";

export interface OrphanShimOptions {
  readonly socketPath: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface ShimWatch {
  readonly shims: () => Promise<readonly Shim[]>;
  readonly runtime: Pick<RuntimeService, "listPodSandbox" | "listContainers">;
  /** Whether containerd itself knows a container of that id: its CRI may show a sandbox only once that runs. */
  readonly isKnown: (id: string, signal: AbortSignal) => Promise<boolean>;
  readonly end: (shim: Shim) => Promise<void>;
}

/** A forgotten shim, and how often it was found so. */
export interface Suspect extends Shim {
  readonly looks: number;
}

/** How often they are looked for. */
const SWEEP_MS = 60_000;
/** Who is found so often in a row is ended: together longer than kubelet waits for a sandbox to start. */
export const LOOKS_MAX = 5;
const CALL_TIMEOUT_MS = 30_000;
/** A process and its children, and theirs. */
const DEPTH_MAX = 64;

const containersApi = createSchema(containerdContainers);

/** Until `signal` aborts. */
export async function sweepOrphanShims(options: OrphanShimOptions, signal: AbortSignal): Promise<void> {
  const { socketPath, clock, logger } = options;
  const connection = connect(socketPath, clock);
  const runtime = createContainerdRuntime(options);
  const watch: ShimWatch = {
    shims: () => findShims(socketPath),
    runtime,
    isKnown: (id, until) => isContainer(connection, id, until),
    end: (shim) => endShim(shim, socketPath),
  };
  let suspects: readonly Suspect[] = [];
  try {
    while (!signal.aborted) {
      try {
        suspects = await sweepOnce(watch, suspects, logger, signal);
      } catch (err) {
        // containerd is away: what it does not know yet is no orphan
        suspects = [];
        if (!signal.aborted) logger.debug("Looking for forgotten shims failed", { err });
      }
      await pause(clock, SWEEP_MS, signal);
    }
  } finally {
    connection.close();
    await runtime.close();
  }
}

/** Ends those that were forgotten for long enough; resolves to the others. */
export async function sweepOnce(
  { shims, runtime, isKnown, end }: ShimWatch,
  suspects: readonly Suspect[],
  logger: Logger,
  signal: AbortSignal,
): Promise<readonly Suspect[]> {
  // The processes first: whoever has one was made known before.
  const running = await shims();
  if (running.length === 0) return [];
  const [sandboxes, containers] = await Promise.all([
    runtime.listPodSandbox({}, signal),
    runtime.listContainers({}, signal),
  ]);
  const listed = new Set(sandboxes.map(({ id }) => id));
  const inUse = new Set([
    ...sandboxes.filter(({ state }) => state === "SANDBOX_READY").map(({ id }) => id),
    ...containers
      .filter(({ state }) => state !== "CONTAINER_EXITED")
      .flatMap(({ id, podSandboxId }) => [id, podSandboxId]),
  ]);
  const left: Suspect[] = [];
  for (const { pid, id } of running) {
    if (inUse.has(id) || (!listed.has(id) && (await isKnown(id, signal)))) continue;
    const before = suspects.find((one) => one.pid === pid && one.id === id);
    const looks = (before?.looks ?? 0) + 1;
    if (looks < LOOKS_MAX) {
      left.push({ pid, id, looks });
      continue;
    }
    logger.warn("Ending a shim that containerd has forgotten", { pid, sandbox: id });
    await end({ pid, id });
  }
  return left;
}

async function isContainer(connection: Connection, id: string, signal: AbortSignal): Promise<boolean> {
  const headers = { "containerd-namespace": CONTAINERD_NAMESPACE };
  const settings = { signal, headers, deadlineMs: CALL_TIMEOUT_MS };
  try {
    await connection.unary(containersApi.method("Containers", "Get"), { id }, settings);
    return true;
  } catch (err) {
    if (isRuntimeNotFound(err)) return false;
    throw err;
  }
}

/** With what runs below it: processes of a container are their shim's children. Idempotent. */
async function endShim({ pid, id }: Shim, socketPath: string): Promise<void> {
  const below = await descendants(pid);
  // It could have ended meanwhile, and its pid be another's.
  const isSame = (await findShims(socketPath)).some((one) => one.pid === pid && one.id === id);
  if (!isSame) return;
  for (const each of [pid, ...below]) signalProcess(each, "SIGKILL");
  await rm(shimSocket(socketPath, id), { force: true });
}

/** The kernel notes children by the thread that made them. */
async function descendants(pid: number, depth = 0): Promise<readonly number[]> {
  if (depth === DEPTH_MAX) return [];
  const threads = await readdir(`/proc/${pid}/task`).catch(() => []);
  const lists = await Promise.all(
    threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/children`, "utf8").catch(() => "")),
  );
  const children = lists.flatMap((text) => text.split(" ").filter(Boolean).map(Number));
  const below = await Promise.all(children.map((child) => descendants(child, depth + 1)));
  return [...children, ...below.flat()];
}
