/** Rules for Nodes. @module */
import { byteLength, field, quote } from "#apimachinery";
import { compareStrings } from "#apimachinery";
import { each, NONE, type Causes } from "../../validation/common.ts";
import { validCidrLegacy } from "../../validation/ip.ts";
import { validateResourceQuantity } from "../../validation/resources.ts";
import { validateTaints } from "../../validation/tolerations.ts";
import { validateConfigSource, validateConfigStatus } from "./node-config-validation.ts";
import type { Node, NodeStatus } from "./types.gen.ts";

export function validateNode(node: Node, old?: Node): Causes {
  const { spec, status } = node;
  const cidrs = spec?.podCIDRs ?? [];
  const families = new Set(cidrs.map((cidr) => cidr.includes(":")));
  const swap = status?.nodeInfo?.swap?.capacity;
  return [
    // Upstream's paths for taints and swap are these.
    ...validateTaints(spec?.taints, "metadata.taints"),
    ...validateResources(status),
    ...(swap !== undefined && swap <= 0
      ? [field.invalid("metadata.nodeSwapStatus.capacity", swap, "must be greater than zero")]
      : NONE),
    ...validateDeclaredFeatures(status),
    ...each(cidrs, "spec.podCIDRs", (cidr, at) => validCidrLegacy(cidr, at)),
    ...(cidrs.length > families.size
      ? [field.invalid("spec.podCIDRs", cidrs, "may specify no more than one CIDR for each IP family")]
      : NONE),
    ...(old === undefined ? NONE : validateChanges(node, old)),
  ];
}

function validateResources(status: NodeStatus | undefined): Causes {
  return (["capacity", "allocatable"] as const).flatMap((name) =>
    Object.entries(status?.[name] ?? {}).flatMap(([resource, value]) =>
      validateResourceQuantity(resource, value, field.child("status", name, resource)),
    ),
  );
}

const FEATURE = /^[A-Z][a-zA-Z0-9]*(?:\/[a-zA-Z][a-zA-Z0-9]*)*$/;
const FEATURE_BYTES_MAX = 253;

function validateDeclaredFeatures(status: NodeStatus | undefined): Causes {
  const features = status?.declaredFeatures ?? [];
  const path = "status.declaredFeatures";
  return each(features, path, (name, at, i) => {
    const problem = featureProblem(name);
    const next = features[i + 1];
    const nextPath = field.index(path, i + 1);
    return [
      ...(problem === undefined
        ? NONE
        : [field.invalid(at, name, `invalid feature name ${quote(name)}: ${problem}`)]),
      ...(next === name ? [field.duplicate(nextPath, next)] : NONE),
      ...(next !== undefined && compareStrings(name, next) > 0
        ? [field.invalid(nextPath, next, "list must be sorted alphabetically")]
        : NONE),
    ];
  });
}

function featureProblem(name: string): string | undefined {
  if (byteLength(name) > FEATURE_BYTES_MAX) return `must be no more than ${FEATURE_BYTES_MAX} characters`;
  if (FEATURE.test(name)) return undefined;
  return "must start with an UpperCamelCase segment, with subsequent segments separated by '/' (e.g., MyFeature or MyFeature/mySubFeature), and contain only alphanumeric characters and slashes";
}

export function validateNodeStatusUpdate(node: Node, old: Node): Causes {
  const { spec, status } = node;
  return [
    ...validateResources(status),
    ...validateDeclaredFeatures(status),
    ...validateChanges(node, old),
    ...validateTaints(spec?.taints, "metadata.taints"),
  ];
}

/** Writers of the node and of its status are judged by these. */
function validateChanges({ spec, status }: Node, old: Node): Causes {
  const [before, now] = [old.spec?.podCIDRs ?? [], spec?.podCIDRs ?? []];
  const changed = before.length === now.length ? before.filter((cidr, i) => cidr !== now[i]) : [before];
  const provider = old.spec?.providerID ?? "";
  const addresses = new Set<string>();
  return [
    ...each(status?.addresses, "status.addresses", ({ type, address }, at) => {
      const key = `${type}/${address}`;
      if (addresses.has(key)) return [field.duplicate(at, { Type: type, Address: address })];
      addresses.add(key);
      return NONE;
    }),
    ...(before.length > 0 ? changed : []).map(() => field.forbidden("spec.podCIDRs", onlyOnce("podCIDR"))),
    ...(provider !== "" && provider !== spec?.providerID
      ? [field.forbidden("spec.providerID", onlyOnce("providerID"))]
      : NONE),
    ...(spec?.configSource === undefined
      ? NONE
      : validateConfigSource(spec.configSource, "spec.configSource")),
    ...(status?.config === undefined ? NONE : validateConfigStatus(status.config, "status.config")),
    ...((spec?.externalID ?? "") === (old.spec?.externalID ?? "")
      ? NONE
      : [field.forbidden("spec.externalID", "may not be updated")]),
  ];
}

const onlyOnce = (name: string): string => `node updates may not change ${name} except from "" to valid`;
