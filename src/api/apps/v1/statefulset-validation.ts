/** Rules for StatefulSets. @module */
import { field, isDns1123Label } from "#apimachinery";
import { each, NONE, nonNegative, obeys, oneOf, type Causes } from "../../validation/common.ts";
import { validateClaimSpec } from "../../validation/claim-spec.ts";
import { isZero, notMoreThanAll, validateIntOrPercent } from "../../validation/int-or-percent.ts";
import {
  alwaysRestarts,
  validatePodTemplateSpec,
  validateSelectedTemplate,
  validateWorkloadSelector,
} from "../../validation/pod-template.ts";
import { semanticEqual } from "../../validation/semantic-equal.ts";
import type { PodTemplateSpec } from "../../core/v1/types.gen.ts";
import { collisionCountGrows, validateReplicaCounts } from "./status-validation.ts";
import type { StatefulSet, StatefulSetSpec } from "./types.gen.ts";

const MUTABLE = [
  "replicas",
  "template",
  "updateStrategy",
  "minReadySeconds",
  "ordinals",
  "revisionHistoryLimit",
  "persistentVolumeClaimRetentionPolicy",
] as const;
const FORBIDDEN_MESSAGE =
  "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";

export function validateStatefulSet({ spec }: StatefulSet, old?: StatefulSet): Causes {
  if (spec === undefined) return [field.required("spec.selector")];
  const stored = old?.spec;
  // Templates that were accepted broken are not judged again.
  const wasBroken =
    stored !== undefined && validateSpec(stored, { old: stored, wasBroken: false }).length > 0;
  return validateSpec(spec, { old: stored, wasBroken });
}

interface Judged {
  readonly old: StatefulSetSpec | undefined;
  readonly wasBroken: boolean;
}

function validateSpec(spec: StatefulSetSpec, { old, wasBroken }: Judged): Causes {
  const retention = spec.persistentVolumeClaimRetentionPolicy;
  const retentionPath = "spec.persistentVolumeClaimRetentionPolicy";
  const template = validatedTemplate(spec);
  // What never changes is judged once.
  const isNew = old === undefined;
  return [
    ...validateManagementPolicy(spec.podManagementPolicy),
    ...validateStrategy(spec),
    ...oneOf(retention?.whenDeleted, ["Retain", "Delete"], field.child(retentionPath, "whenDeleted")),
    ...oneOf(retention?.whenScaled, ["Retain", "Delete"], field.child(retentionPath, "whenScaled")),
    ...each(isNew ? spec.volumeClaimTemplates : [], "spec.volumeClaimTemplates", (claim, at) =>
      validateClaimSpec(claim.spec ?? {}, field.child(at, "spec")),
    ),
    ...nonNegative(spec.replicas, "spec.replicas"),
    ...nonNegative(spec.minReadySeconds, "spec.minReadySeconds"),
    ...nonNegative(spec.ordinals?.start, "spec.ordinals.start"),
    ...(isNew && spec.serviceName ? obeys(isDns1123Label, spec.serviceName, "spec.serviceName") : NONE),
    ...validateWorkloadSelector(spec.selector, "spec.selector", "statefulset"),
    ...validateSelectedTemplate(spec.selector, spec.template, "", () =>
      wasBroken ? NONE : validatePodTemplateSpec(template, "spec.template", old?.template),
    ),
    ...alwaysRestarts(spec.template, "spec.template", "StatefulSet"),
  ];
}

/** As the pods will have it: volumes of the claims, and a name of their own instead of the template's. */
function validatedTemplate({ template, volumeClaimTemplates = [] }: StatefulSetSpec): PodTemplateSpec {
  if (template.spec === undefined) return template;
  const names = new Set(volumeClaimTemplates.map(({ metadata }) => metadata.name));
  const claims = [...names].map((name) => ({ name, persistentVolumeClaim: { claimName: name } }));
  const { subdomain: _subdomain, hostname: _hostname, ...spec } = template.spec;
  const volumes = [...claims, ...(spec.volumes ?? []).filter((volume) => !names.has(volume.name))];
  return { ...template, spec: { ...spec, volumes } };
}

function validateManagementPolicy(policy: string | undefined): Causes {
  const path = "spec.podManagementPolicy";
  if (!policy) return [field.required(path)];
  if (policy === "OrderedReady" || policy === "Parallel") return NONE;
  return [field.invalid(path, policy, "must be 'OrderedReady' or 'Parallel'")];
}

function validateStrategy({ updateStrategy: strategy }: StatefulSetSpec): Causes {
  const path = "spec.updateStrategy";
  const rolling = strategy?.rollingUpdate;
  const at = field.child(path, "rollingUpdate");
  switch (strategy?.type ?? "") {
    case "":
      return [field.required(path)];
    case "OnDelete":
      if (rolling === undefined) return NONE;
      return [field.invalid(at, rolling, "only allowed for updateStrategy 'RollingUpdate'")];
    case "RollingUpdate":
      return rolling === undefined ? NONE : validateRollingUpdate(rolling, at);
    default:
      return [field.invalid(path, strategy, "must be 'RollingUpdate' or 'OnDelete'")];
  }
}

function validateRollingUpdate(
  rolling: NonNullable<NonNullable<StatefulSetSpec["updateStrategy"]>["rollingUpdate"]>,
  path: string,
): Causes {
  const { partition, maxUnavailable } = rolling;
  const at = field.child(path, "maxUnavailable");
  return [
    ...nonNegative(partition, field.child(path, "partition")),
    ...validateIntOrPercent(maxUnavailable, at),
    ...(maxUnavailable !== undefined && isZero(maxUnavailable)
      ? [field.invalid(at, maxUnavailable, "cannot be 0")]
      : NONE),
    ...notMoreThanAll(maxUnavailable, at),
  ];
}

export function validateStatefulSetUpdate(sts: StatefulSet, old: StatefulSet): Causes {
  return semanticEqual(immutablePart(sts.spec), immutablePart(old.spec))
    ? NONE
    : [field.forbidden("spec", FORBIDDEN_MESSAGE)];
}

const immutablePart = (spec: StatefulSetSpec | undefined): object =>
  Object.fromEntries(
    Object.entries(spec ?? {}).filter(([name]) => !(MUTABLE as readonly string[]).includes(name)),
  );

const COUNTS = [
  "replicas",
  "readyReplicas",
  "currentReplicas",
  "updatedReplicas",
  "availableReplicas",
  "observedGeneration",
  "collisionCount",
];

export function validateStatefulSetStatusUpdate({ status }: StatefulSet, old: StatefulSet): Causes {
  const parts = ["readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas"];
  return [
    ...validateReplicaCounts(status ?? {}, COUNTS, parts, "status.readyReplicas"),
    ...collisionCountGrows(status?.collisionCount, old.status?.collisionCount),
  ];
}
