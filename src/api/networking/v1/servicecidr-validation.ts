/** Rules for ServiceCIDRs. @module */
import { field } from "#apimachinery";
import { each, NONE, type Causes } from "../../validation/common.ts";
import { parseCidr, validCidr } from "../../validation/ip.ts";
import type { ServiceCIDR } from "./types.gen.ts";

const PATH = "spec.cidrs";

export function validateServiceCIDR({ spec }: ServiceCIDR): Causes {
  const cidrs = spec?.cidrs ?? [];
  if (cidrs.length === 0) return [field.required(PATH, "at least one CIDR required")];
  if (cidrs.length > 2) return [field.invalid(PATH, { CIDRs: cidrs }, "may only hold up to 2 values")];
  const families = new Set(cidrs.map((cidr) => parseCidr(cidr)?.ip.family ?? cidr));
  const message = "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64";
  return [
    ...each(cidrs, PATH, validCidr),
    ...(cidrs.length > families.size ? [field.invalid(PATH, cidrs, message)] : NONE),
  ];
}

/** A second family may be added; nothing else changes. */
export function validateServiceCIDRUpdate(cidr: ServiceCIDR, old: ServiceCIDR): Causes {
  const [now, before] = [cidr.spec?.cidrs ?? [], old.spec?.cidrs ?? []];
  const grows = before.length === 1 && now.length === 2;
  if (now.length !== before.length && !grows)
    return [field.invalid(PATH, cidr.spec?.cidrs, field.IMMUTABLE_MESSAGE)];
  const changed = each(before, PATH, (value, at, i) =>
    value === now[i] ? NONE : [field.invalid(at, now[i], field.IMMUTABLE_MESSAGE)],
  );
  return grows ? [...changed, ...validateServiceCIDR(cidr)] : changed;
}
