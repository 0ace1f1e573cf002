/** Devices that have to be prepared before a pod is bound: what their drivers say of it (KEP-5007). Pure. @module */
import type {
  AllocatedDeviceStatus,
  DeviceRequestAllocationResult,
  ResourceClaim,
} from "#api/resource/v1/types.gen";
import { parseTime, quote } from "#apimachinery";

/** Upstream's `BindingConditionsStatus*`, the labels of its metrics. */
export type BindingOutcome = "success" | "failure" | "timeout" | "error";

export type BindingState =
  | { readonly is: "ready" | "waiting" }
  | { readonly is: "failed"; readonly message: string };

/** The devices of the claim that have binding conditions. */
export function devicesToPrepare(claim: ResourceClaim): readonly DeviceRequestAllocationResult[] {
  const results = claim.status?.allocation?.devices?.results ?? [];
  return results.filter(({ bindingConditions = [] }) => bindingConditions.length > 0);
}

/** Ready if every binding condition of every device is true; failed as soon as a failure condition is. */
export function bindingStateOf(claim: ResourceClaim): BindingState {
  if (claim.status?.allocation === undefined) return { is: "waiting" };
  for (const result of devicesToPrepare(claim)) {
    const conditions = statusOf(claim, result)?.conditions;
    if (conditions === undefined) return { is: "waiting" };
    const holds = (type: string) =>
      conditions.find((condition) => condition.type === type && condition.status === "True");
    const failure = (result.bindingFailureConditions ?? []).map(holds).find((found) => found !== undefined);
    if (failure !== undefined) {
      const { reason, message } = failure;
      const why = `claim=${claim.metadata.name}, reason=${reason}, message=${quote(message)}`;
      return { is: "failed", message: `device binding failed: ${why}` };
    }
    if (!(result.bindingConditions ?? []).every(holds)) return { is: "waiting" };
  }
  return { is: "ready" };
}

/** When waiting for the devices of this claim is over; undefined: nobody has to wait. */
export function bindingDeadlineMs(claim: ResourceClaim, timeoutMs: number): number | undefined {
  const since = claim.status?.allocation?.allocationTimestamp;
  if (since === undefined || devicesToPrepare(claim).length === 0) return undefined;
  return parseTime(since) + timeoutMs;
}

/** Whether the claim keeps its pod from being bound for good: its allocation has to be given back. */
export function isBindingHopeless(claim: ResourceClaim, timeoutMs: number, nowMs: number): boolean {
  const { is } = bindingStateOf(claim);
  if (is !== "waiting") return is === "failed";
  const deadlineMs = bindingDeadlineMs(claim, timeoutMs);
  return deadlineMs !== undefined && deadlineMs < nowMs;
}

function statusOf(
  { status }: ResourceClaim,
  { driver, pool, device }: DeviceRequestAllocationResult,
): AllocatedDeviceStatus | undefined {
  return status?.devices?.find((own) => own.driver === driver && own.pool === pool && own.device === device);
}
