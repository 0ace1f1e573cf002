/** A pod is not resized beyond what its node could ever give; upstream's PodResizeValidator. @module */
import {
  parseQuantity,
  quantityMilliValue,
  quantityValue,
  StatusError,
  type CauseType,
  type Quantity,
} from "#apimachinery";
import { podRequests } from "#api/core/v1/pod-resources";
import type { Node, Pod } from "#api/core/v1/types.gen";
import type { ObjectLookup } from "./object-lookup.ts";
import type { AdmissionPlugin, Attributes } from "./plugin.ts";
import { refuse } from "./refuse.ts";

export function podResizeValidator(lookup: ObjectLookup): AdmissionPlugin {
  return {
    name: "PodResizeValidator",
    operations: ["UPDATE"],
    resources: ["core/pods"],
    validate(attributes) {
      if (attributes.subresource !== "resize") return;
      const { metadata, spec } = attributes.object as Pod;
      const nodeName = spec?.nodeName ?? "";
      if (nodeName === "" || metadata.generation === attributes.oldObject?.metadata.generation) return;
      const node = lookup.get("core/nodes", "", nodeName) as Node | undefined;
      if (node === undefined) throw refuse(attributes, `node ${JSON.stringify(nodeName)} not found`);
      const os = node.metadata.labels?.["kubernetes.io/os"] ?? "linux";
      if (os !== "linux") {
        const why = `pod resize is only supported on linux nodes, node ${JSON.stringify(nodeName)} is ${JSON.stringify(os)}`;
        throw because(attributes, why, "UnsupportedPlatform");
      }
      const missing = beyond(podRequests(spec!), node.status?.allocatable ?? {});
      if (missing.length === 0) return;
      const why = `node didn't have enough allocatable resources: ${missing.join("; ")}`;
      throw because(attributes, why, "NodeCapacity");
    },
  };
}

type Amounts = Readonly<Record<string, string>>;

function beyond(requests: Amounts, allocatable: Amounts): readonly string[] {
  const told = (name: string, valueOf: (quantity: Quantity) => number): readonly string[] => {
    const [requested, most] = [requests, allocatable].map((list) =>
      valueOf(parseQuantity(list[name] ?? "0")),
    );
    return requested! > most! ? [`${name}, requested: ${requested}, allocatable: ${most}`] : [];
  };
  return [...told("cpu", quantityMilliValue), ...told("memory", quantityValue)];
}

function because(attributes: Attributes, why: string, reason: CauseType): StatusError {
  const { reason: status, message, details } = refuse(attributes, why);
  return new StatusError(status, message, {
    details: { ...details, causes: [{ reason, message: "", field: "" }] },
  });
}
