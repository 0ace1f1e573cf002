/** A namespace uses no more than its ResourceQuotas allow. @module */
import type { Clock, KubeObject } from "#apimachinery";
import { isMeantToEnd, quotaEvaluator } from "#api/core/v1/quota/index";
import type { Pod } from "#api/core/v1/types.gen";
import type { AdmissionPlugin, Attributes } from "../plugin.ts";
import type { LimitedResource } from "./configuration.ts";
import { QuotaLedger, type QuotaAccess } from "./quota-ledger.ts";

const IGNORED: ReadonlySet<string> = new Set(["core/events", "events.k8s.io/events"]);

export function resourceQuotaAdmission(
  access: QuotaAccess,
  clock: Clock,
  limited: readonly LimitedResource[] = [],
): AdmissionPlugin {
  const ledger = new QuotaLedger(access, clock, limited);
  return {
    name: "ResourceQuota",
    operations: ["CREATE", "UPDATE"],
    validate(attributes) {
      if (!isCounted(attributes)) return undefined;
      return ledger.evaluate(attributes, quotaEvaluator(attributes.kind, access.aroundClaims));
    },
  };
}

/** Most kinds count when they are created; some may grow later. */
function isCounted(attributes: Attributes): boolean {
  const { namespace, resource, subresource, operation, object } = attributes;
  if (namespace === "" || object === undefined || IGNORED.has(resource)) return false;
  const isCreate = operation === "CREATE" && subresource === "";
  switch (resource) {
    case "core/pods":
      return isCreate || (operation === "UPDATE" && isOtherPod(attributes));
    case "core/services":
    case "resource.k8s.io/resourceclaims":
      return subresource === "";
    case "core/persistentvolumeclaims":
      return subresource === "" || (operation === "UPDATE" && subresource === "status");
    default:
      return isCreate;
  }
}

/** It is resized, or changes from the quotas of one scope to those of the other. */
function isOtherPod({ subresource, object, oldObject }: Attributes): boolean {
  if (subresource !== "") return subresource === "resize";
  return isMeantToEnd(specOf(object)) !== isMeantToEnd(specOf(oldObject));
}

function specOf(pod: KubeObject | undefined): Pod["spec"] {
  return (pod as Pod | undefined)?.spec;
}
