/** `pods/eviction`: deletion that a disruption budget may refuse. @module */
import { badRequest, formatTime, type KubeObject } from "#apimachinery";
import type { Pod, PodCondition } from "#api/core/v1/types.gen";
import type { Eviction, PodDisruptionBudget } from "#api/policy/v1/types.gen";
import { admitCreate } from "../handlers/admit-subresource.ts";
import type { ResourceRequest } from "../handlers/handler-context.ts";
import type { Result } from "../handlers/request.ts";
import type { SubresourceHandlers } from "../handlers/subresources.ts";
import { writeContextOf } from "../handlers/write-options.ts";
import type { RequestContext } from "../registry/context.ts";
import type { DeleteOptions } from "../registry/plan-delete.ts";
import { decodeForeign, success } from "./foreign-kind.ts";
import { planEviction } from "./plan-eviction.ts";

const EVICTION = { group: "policy", version: "v1", kind: "Eviction" };
const BUDGETS = "policy/poddisruptionbudgets";

export const evictionHandlers: SubresourceHandlers = { create: handleEviction };

async function handleEviction(routed: ResourceRequest): Promise<Result> {
  const { request, info, served, context } = routed;
  const eviction = (await decodeForeign(request, EVICTION)) as Eviction;
  if (eviction.metadata.name !== info.name) {
    throw badRequest("name in URL does not match name in Eviction object");
  }
  const options = (eviction.deleteOptions ?? {}) as DeleteOptions;
  const written = writeContextOf(request, "CreateOptions");
  const write = { ...written, dryRun: written.dryRun || (options.dryRun ?? []).length > 0 };
  await admitCreate(routed, EVICTION, eviction, write.dryRun);
  const nowMs = context.clock.now();
  const pod = (await served.store.get(info.namespace, info.name)).object as Pod;
  const budget = planEviction(pod, budgetsOf(routed), nowMs);
  if (budget !== undefined) await takeFromBudget(routed, budget, pod, nowMs, write);
  if (!write.dryRun) await markEvicted(routed, nowMs, write);
  await served.store.delete(info.namespace, info.name, options, write);
  return success(201);
}

function budgetsOf({ info, context }: ResourceRequest): readonly PodDisruptionBudget[] {
  const store = context.registry.findStore(BUDGETS);
  if (store === undefined) return [];
  return store.cache.list({ prefix: `${info.namespace}/` }).map((c) => c.object as PodDisruptionBudget);
}

/** Decided anew on the stored budget: two evictions at once must not both take the last disruption. */
async function takeFromBudget(
  { info, context }: ResourceRequest,
  { metadata }: PodDisruptionBudget,
  pod: Pod,
  nowMs: number,
  write: RequestContext,
): Promise<void> {
  await context.registry.store(BUDGETS).update(
    info.namespace,
    metadata.name,
    {
      subresource: "status",
      mayCreate: false,
      transform: (stored) =>
        planEviction(pod, [stored as PodDisruptionBudget], nowMs) ?? (stored as KubeObject),
    },
    write,
  );
}

/** Says to everybody who sees the pod go why it went. */
async function markEvicted(
  { info, served }: ResourceRequest,
  nowMs: number,
  write: RequestContext,
): Promise<void> {
  const condition: PodCondition = {
    type: "DisruptionTarget",
    status: "True",
    reason: "EvictionByEvictionAPI",
    message: "Eviction API: evicting",
    lastTransitionTime: formatTime(nowMs),
  };
  const transform = (stored: KubeObject | undefined): KubeObject => {
    const pod = stored as Pod;
    const others = (pod.status?.conditions ?? []).filter(({ type }) => type !== condition.type);
    return { ...pod, status: { ...pod.status, conditions: [...others, condition] } } as KubeObject;
  };
  await served.store.update(
    info.namespace,
    info.name,
    { subresource: "status", mayCreate: false, strategy: "none", transform },
    write,
  );
}
