/** Putting a pod on a node: `pods/binding` and the older `bindings`. @module */
import { badRequest, conflict, field, formatTime, invalid, type KubeObject } from "#apimachinery";
import type { Binding, Pod, PodCondition } from "#api/core/v1/types.gen";
import { admitCreate } from "../handlers/admit-subresource.ts";
import type { ResourceRequest } from "../handlers/handler-context.ts";
import type { Result } from "../handlers/request.ts";
import type { SubresourceHandlers } from "../handlers/subresources.ts";
import { writeContextOf } from "../handlers/write-options.ts";
import { decodeForeign, success } from "./foreign-kind.ts";

const BINDING = { group: "", version: "v1", kind: "Binding" };
const PODS = { group: "", resource: "pods" };
const BINDINGS = { group: "", resource: "pods/binding" };

export const bindingHandlers: SubresourceHandlers = { create: handleBinding };

async function handleBinding(routed: ResourceRequest): Promise<Result> {
  const { request, info, context } = routed;
  const write = writeContextOf(request, "CreateOptions");
  const binding = (await decodeForeign(request, BINDING)) as Binding;
  const isLegacy = info.subresource === "";
  if (!isLegacy && binding.metadata.name !== info.name) {
    throw badRequest("name in URL does not match name in Binding object");
  }
  validate(binding);
  const admitted = await admitCreate(routed, BINDING, binding, write.dryRun);
  const nowMs = context.clock.now();
  await context.registry.store("core/pods").update(
    info.namespace,
    isLegacy ? binding.metadata.name : info.name,
    {
      subresource: "binding",
      mayCreate: false,
      strategy: "none",
      isAdmitted: true,
      transform: (stored) => bind(stored as Pod, admitted, nowMs),
    },
    write,
  );
  return success(201);
}

function validate({ target, metadata }: Binding): void {
  const { kind = "", name = "" } = target ?? {};
  const causes = [
    ...(kind !== "" && kind !== "Node" ? [field.notSupported("target.kind", kind, ["Node", "<empty>"])] : []),
    ...(name === "" ? [field.required("target.name")] : []),
  ];
  if (causes.length > 0) throw invalid(BINDING, metadata.name, causes);
}

function bind(pod: Pod, { target, metadata }: Binding, nowMs: number): KubeObject {
  const { name } = pod.metadata;
  const refuse = (why: string): Error => conflict(BINDINGS, name, why);
  if (metadata.uid !== undefined && metadata.uid !== pod.metadata.uid) {
    const why = `Precondition failed: UID in precondition: ${metadata.uid}, UID in object meta: ${pod.metadata.uid ?? ""}`;
    throw conflict(PODS, name, why);
  }
  if (pod.metadata.deletionTimestamp !== undefined) {
    throw refuse(`pod ${name} is being deleted, cannot be assigned to a host`);
  }
  if (pod.spec?.nodeName) {
    throw refuse(`pod ${name} is already assigned to node ${JSON.stringify(pod.spec.nodeName)}`);
  }
  if ((pod.spec?.schedulingGates ?? []).length > 0) {
    throw refuse(`pod ${name} has non-empty .spec.schedulingGates`);
  }
  const { annotations, labels } = metadata;
  // a hint to the scheduler alone: others would take it for a preemption that goes on
  const { nominatedNodeName: _, ...status } = pod.status ?? {};
  return {
    ...pod,
    metadata: {
      ...pod.metadata,
      ...(annotations !== undefined && { annotations: { ...pod.metadata.annotations, ...annotations } }),
      ...(labels !== undefined && { labels: { ...pod.metadata.labels, ...labels } }),
    },
    spec: { ...pod.spec, nodeName: target.name },
    status: { ...status, conditions: withScheduled(pod.status?.conditions ?? [], nowMs) },
  } as KubeObject;
}

function withScheduled(conditions: readonly PodCondition[], nowMs: number): readonly PodCondition[] {
  const scheduled: PodCondition = {
    type: "PodScheduled",
    status: "True",
    lastTransitionTime: formatTime(nowMs),
  };
  const others = conditions.filter((condition) => condition.type !== "PodScheduled");
  return [...others, scheduled];
}
