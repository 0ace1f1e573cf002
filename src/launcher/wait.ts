/** Waiting for a cluster that was just started. @module */
import { Leases } from "#api/coordination/v1/lease";
import type { Lease } from "#api/coordination/v1/types.gen";
import { Nodes } from "#api/core/v1/node";
import { Pods } from "#api/core/v1/pod";
import type { Kind, KubeObject } from "#apimachinery";
import type { ListOptions } from "#client";
import { adminClient } from "./admin-client.ts";
import type { LauncherContext } from "./launcher-context.ts";
import type { Profile } from "./profile.ts";
import { EXIT, UserError, explain } from "./user-error.ts";

/** Between two tries to reach a server whose socket does not listen yet. */
const RETRY_MS = 25;

export async function waitForServer(
  context: LauncherContext,
  profile: Profile,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<void> {
  const { clock } = context;
  await using admin = adminClient(context.env, profile, clock);
  const deadline = clock.monotonicMs() + timeoutMs;
  for (;;) {
    try {
      for await (const _ of admin.client.transport.stream({ method: "GET", path: "/readyz" }, signal)) break;
      return;
    } catch (err) {
      signal.throwIfAborted();
      if (clock.monotonicMs() > deadline)
        throw timeout(profile, "the API server is not ready", timeoutMs, err);
    }
    await clock.sleep(RETRY_MS, signal);
  }
}

/** Ready, and heard of since `sinceMs` (wall time). */
export async function waitForNodes(
  context: LauncherContext,
  profile: Profile,
  sinceMs: number,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<void> {
  const wanted = new Set(profile.nodes.map((node) => node.name));
  // a node that was Ready when it stopped still says so: first its kubelet must have come back
  const isBack = ({ spec }: Lease): boolean => Date.parse(spec?.renewTime ?? "") >= sinceMs;
  await waitForAll(
    context,
    profile,
    Leases,
    { namespace: LEASE_NAMESPACE },
    wanted,
    isBack,
    timeoutMs,
    signal,
  );
  await waitForAll(context, profile, Nodes, {}, wanted, isReady, timeoutMs, signal);
}

/** The pods that show the cluster's own components: as many as there are, at least one per node. */
export async function waitForSystemPods(
  context: LauncherContext,
  profile: Profile,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<void> {
  const wanted = new Set(profile.nodes.map((node) => `kube-proxy-${node.name}`));
  await waitForAll(context, profile, Pods, { namespace: "kube-system" }, wanted, isReady, timeoutMs, signal);
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
  await using admin = adminClient(context.env, profile, context.clock);
  const ready = new Set<string>();
  const timer = AbortSignal.timeout(timeoutMs);
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
  const why = cause === undefined ? "" : ` (${explain(cause)})`;
  return new UserError(`after ${Math.round(timeoutMs / 1000)} s ${what}${why}`, {
    id: "START_TIMEOUT",
    exitCode: EXIT.unavailable,
    fix: `k8ts logs --problems${profile.name === "k8ts" ? "" : ` -p ${profile.name}`}`,
    cause,
  });
}
