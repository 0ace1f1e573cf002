/** Waiting for a cluster that was just started. @module */
import { join } from "node:path";
import { Leases } from "#api/coordination/v1/lease";
import type { Lease } from "#api/coordination/v1/types.gen";
import { Nodes } from "#api/core/v1/node";
import { Pods } from "#api/core/v1/pod";
import { deadline, type Kind, type KubeObject } from "#apimachinery";
import type { ListOptions } from "#client";
import { adminClient } from "./admin-client.ts";
import { drivers } from "./drivers/index.ts";
import type { LauncherContext } from "./launcher-context.ts";
import type { Profile } from "./profile.ts";
import { profilePaths } from "./paths.ts";
import { programState } from "./program-state.ts";
import { EXIT, UserError } from "./user-error.ts";
import { waitForEndpoint } from "./wait-for-endpoint.ts";

/** Between two tries to reach a server whose socket does not listen yet. */
const RETRY_MS = 25;
/** A control plane that ended so often will not come up by waiting longer. */
const SERVER_STARTS_MAX = 3;

export async function waitForServer(
  context: LauncherContext,
  profile: Profile,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<void> {
  const { clock } = context;
  await using admin = adminClient(context.env, profile, clock);
  const untilMs = clock.monotonicMs() + timeoutMs;
  const pidDir = join(profilePaths(context.env, profile.name).dir, "pids");
  const pids = new Set<number>();
  for (;;) {
    try {
      for await (const _ of admin.client.transport.stream({ method: "GET", path: "/readyz" }, signal)) break;
      return;
    } catch (err) {
      signal.throwIfAborted();
      if (clock.monotonicMs() > untilMs)
        throw timeout(profile, "the API server is not ready", timeoutMs, err);
    }
    const { childPid } = await programState(pidDir, "server");
    if (childPid !== undefined) pids.add(childPid);
    if (pids.size > SERVER_STARTS_MAX) throw crashes(profile);
    await clock.sleep(RETRY_MS, signal);
  }
}

export interface NodesWanted {
  readonly names: ReadonlySet<string>;
  /** Those of them whose agents were started just now, after `sinceMs` (wall time). */
  readonly started: ReadonlySet<string>;
  readonly sinceMs: number;
}

/** Ready, and those just started heard of since. */
export async function waitForNodes(
  context: LauncherContext,
  profile: Profile,
  { names, started, sinceMs }: NodesWanted,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<void> {
  // a node that was Ready when it stopped still says so: first its kubelet must have come back
  const isBack = ({ spec }: Lease): boolean => Date.parse(spec?.renewTime ?? "") >= sinceMs;
  const options = { namespace: LEASE_NAMESPACE };
  await waitForAll(context, profile, Leases, options, started, isBack, timeoutMs, signal);
  await waitForAll(context, profile, Nodes, {}, names, isReady, timeoutMs, signal);
}

/** The pods that show the cluster's own components, one of each process; simulated nodes have the control plane's alone. */
export async function waitForSystemPods(
  context: LauncherContext,
  profile: Profile,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<void> {
  const agents = drivers[profile.driver].isReal ? profile.nodes : [];
  const servers = profile.nodes.filter((node) => node.role === "control-plane");
  const wanted = new Set([
    ...servers.map((node) => `kube-apiserver-${node.name}`),
    ...agents.flatMap((node) => [`kube-proxy-${node.name}`, `coredns-${node.name}`]),
  ]);
  await waitForAll(context, profile, Pods, { namespace: "kube-system" }, wanted, isReady, timeoutMs, signal);
  if (agents.length === 0) return;
  // a pod that starts now may ask for a name with its first packet
  await using admin = adminClient(context.env, profile, context.clock);
  const dns = { namespace: "kube-system", name: "kube-dns" };
  await waitForEndpoint(admin.client, dns, timeoutMs, context.clock, signal);
}

const LEASE_NAMESPACE = "kube-node-lease";

interface Conditioned extends KubeObject {
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

function isReady(object: Conditioned): boolean {
  return (object.status?.conditions ?? []).some(({ type, status }) => type === "Ready" && status === "True");
}

/** Watches until each wanted object is there and fits. */
async function waitForAll<T extends KubeObject>(
  context: LauncherContext,
  profile: Profile,
  kind: Kind<T>,
  options: ListOptions,
  wanted: ReadonlySet<string>,
  fits: (object: T) => boolean,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<void> {
  if (wanted.size === 0) return;
  await using admin = adminClient(context.env, profile, context.clock);
  const ready = new Set<string>();
  using limit = deadline(context.clock, timeoutMs, new Error("The time to wait is over"));
  const timer = limit.signal;
  const either = AbortSignal.any([signal, timer]);
  const missing = (): string => [...wanted].filter((name) => !ready.has(name)).join(", ");
  while (!timer.aborted) {
    try {
      for await (const event of admin.client.watch(kind, { ...options, resourceVersion: "0" }, either)) {
        if (event.type !== "ADDED" && event.type !== "MODIFIED") continue;
        const { name } = event.object.metadata;
        if (wanted.has(name) && fits(event.object)) ready.add(name);
        else ready.delete(name);
        if (ready.size === wanted.size) return;
      }
    } catch (err) {
      signal.throwIfAborted();
      if (timer.aborted) throw timeout(profile, `not Ready: ${missing()}`, timeoutMs, err);
      await context.clock.sleep(RETRY_MS, signal);
    }
  }
  throw timeout(profile, `not Ready: ${missing()}`, timeoutMs);
}

function timeout(profile: Profile, what: string, timeoutMs: number, cause?: unknown): UserError {
  return new UserError(`after ${Math.round(timeoutMs / 1000)} s ${what}`, {
    id: "START_TIMEOUT",
    exitCode: EXIT.unavailable,
    fix: readLogs(profile),
    cause,
  });
}

function crashes(profile: Profile): UserError {
  return new UserError(`the control plane ended ${SERVER_STARTS_MAX} times right after its start`, {
    id: "CONTROL_PLANE_CRASHES",
    exitCode: EXIT.software,
    fix: readLogs(profile),
  });
}

function readLogs(profile: Profile): string {
  return `k8ts logs --problems${profile.name === "k8ts" ? "" : ` -p ${profile.name}`}`;
}
