/** Waits until the devices of a pod's claims are prepared, and counts how that went. @module */
import type { ResourceClaim } from "#api/resource/v1/types.gen";
import { keyOf, quote, type Clock } from "#apimachinery";
import type { MetricsSink } from "#client";
import {
  bindingDeadlineMs,
  bindingStateOf,
  devicesToPrepare,
  type BindingOutcome,
} from "./binding-conditions.ts";
import type { DraManager } from "./dra-manager.ts";

export interface WaitParts {
  readonly dra: Pick<DraManager, "claim" | "onClaim">;
  readonly clock: Clock;
  readonly metrics: MetricsSink | undefined;
  readonly profileName: string;
  readonly timeoutMs: number;
}

class DeviceBindingError extends Error {
  readonly outcome: BindingOutcome;

  constructor(message: string, outcome: BindingOutcome) {
    super(message);
    this.outcome = outcome;
  }
}

/** Rejects when a driver gives up, when a claim goes, and when it takes too long. */
export async function waitForDevices(
  parts: WaitParts,
  claims: readonly ResourceClaim[],
  signal: AbortSignal,
): Promise<void> {
  const startMs = parts.clock.monotonicMs();
  let outcome: BindingOutcome = "error";
  try {
    await untilReady(parts, claims.map(keyOf), signal);
    outcome = "success";
  } catch (err) {
    if (err instanceof DeviceBindingError) outcome = err.outcome;
    throw err;
  } finally {
    count(parts, claims, outcome, (parts.clock.monotonicMs() - startMs) / 1_000);
  }
}

async function untilReady(
  { dra, clock, timeoutMs }: WaitParts,
  keys: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const look = (): void => {
    const problem = firstProblem(dra, keys);
    if (problem === undefined) resolve();
    else if (problem instanceof Error) reject(problem);
  };
  const onAbort = (): void => reject(signal.reason);
  const late = (why: string) => () =>
    reject(new DeviceBindingError(`device binding timeout: ${why}`, "timeout"));
  const timers = [clock.after(timeoutMs, late("context deadline exceeded"))];
  for (const key of keys) {
    const claim = dra.claim(key);
    const deadlineMs = claim && bindingDeadlineMs(claim, timeoutMs);
    if (claim === undefined || deadlineMs === undefined || bindingStateOf(claim).is === "ready") continue;
    const leftMs = Math.max(0, deadlineMs - clock.now());
    timers.push(clock.after(leftMs, late(`claim=${claim.metadata.name}`)));
  }
  const remove = dra.onClaim((key) => keys.includes(key) && look());
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    look();
    await promise;
  } finally {
    for (const timer of timers) timer.cancel();
    remove();
    signal.removeEventListener("abort", onAbort);
  }
}

/** Of the claims in their order, as upstream looks at them: a failure behind a claim that waits shows when that is ready. */
function firstProblem(
  dra: Pick<DraManager, "claim">,
  keys: readonly string[],
): Error | "waiting" | undefined {
  for (const key of keys) {
    const claim = dra.claim(key);
    if (claim === undefined) {
      const name = key.slice(key.indexOf("/") + 1);
      return new DeviceBindingError(`resourceclaim.resource.k8s.io ${quote(name)} not found`, "error");
    }
    const state = bindingStateOf(claim);
    if (state.is === "failed") return new DeviceBindingError(state.message, "failure");
    if (state.is === "waiting") return "waiting";
  }
  return undefined;
}

function count(
  { metrics, profileName }: WaitParts,
  claims: readonly ResourceClaim[],
  outcome: BindingOutcome,
  seconds: number,
): void {
  for (const claim of claims) {
    const labelsOf = ({ driver }: { readonly driver: string }) => ({
      profile: profileName,
      driver,
      status: outcome,
    });
    for (const result of claim.status?.allocation?.devices?.results ?? [])
      metrics?.observe("scheduler_dra_bindingconditions_wait_duration_seconds", labelsOf(result), seconds);
    for (const result of devicesToPrepare(claim))
      metrics?.inc("scheduler_dra_bindingconditions_allocations_total", labelsOf(result));
  }
}
