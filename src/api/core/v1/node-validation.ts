/** Rules for Nodes. @module */
import { field } from "#apimachinery";
import { each, NONE, type Causes } from "../../validation/common.ts";
import { validCidrLegacy } from "../../validation/ip.ts";
import { validateResourceQuantity } from "../../validation/resources.ts";
import { validateTaints } from "../../validation/tolerations.ts";
import type { Node } from "./types.gen.ts";

export function validateNode({ spec, status }: Node): Causes {
  const cidrs = spec?.podCIDRs ?? [];
  const families = new Set(cidrs.map((cidr) => cidr.includes(":")));
  const addresses = new Set<string>();
  return [
    // Upstream's path for taints is this one.
    ...validateTaints(spec?.taints, "metadata.taints"),
    ...(["capacity", "allocatable"] as const).flatMap((name) =>
      Object.entries(status?.[name] ?? {}).flatMap(([resource, value]) =>
        validateResourceQuantity(resource, value, field.child("status", name, resource)),
      ),
    ),
    ...each(cidrs, "spec.podCIDRs", (cidr, at) => validCidrLegacy(cidr, at)),
    ...(cidrs.length > families.size
      ? [field.invalid("spec.podCIDRs", cidrs, "may specify no more than one CIDR for each IP family")]
      : NONE),
    ...each(status?.addresses, "status.addresses", (address, at) => {
      const key = `${address.type}/${address.address}`;
      if (addresses.has(key)) return [field.duplicate(at, address)];
      addresses.add(key);
      return NONE;
    }),
  ];
}

export function validateNodeUpdate({ spec }: Node, old: Node): Causes {
  const before = old.spec?.podCIDRs ?? [];
  const now = spec?.podCIDRs ?? [];
  const cidrsChanged =
    before.length > 0 && (before.length !== now.length || before.some((c, i) => c !== now[i]));
  const provider = old.spec?.providerID ?? "";
  return [
    ...(cidrsChanged ? [field.forbidden("spec.podCIDRs", onlyOnce("podCIDR"))] : NONE),
    ...(provider !== "" && provider !== spec?.providerID
      ? [field.forbidden("spec.providerID", onlyOnce("providerID"))]
      : NONE),
  ];
}

const onlyOnce = (name: string): string => `node updates may not change ${name} except from "" to valid`;
