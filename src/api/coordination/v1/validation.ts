/** Rules for Leases. @module */
import { field, isQualifiedName } from "#apimachinery";
import { NONE, obeys, oneOf, type Causes } from "../../validation/common.ts";
import type { Lease } from "./types.gen.ts";

export function validateLease({ spec = {} }: Lease): Causes {
  const { leaseDurationSeconds: duration, leaseTransitions: transitions, strategy, preferredHolder } = spec;
  return [
    ...(duration !== undefined && duration <= 0
      ? [field.invalid("spec.leaseDurationSeconds", duration, "must be greater than 0")]
      : NONE),
    ...(transitions !== undefined && transitions < 0
      ? [field.invalid("spec.leaseTransitions", transitions, "must be greater than or equal to 0")]
      : NONE),
    ...(strategy === undefined ? NONE : validateStrategy(strategy, "spec.strategy")),
    ...(preferredHolder && !strategy
      ? [field.forbidden("spec.preferredHolder", "may only be specified if `strategy` is defined")]
      : NONE),
  ];
}

/** Of upstream's, or one with a domain in front. Upstream names the field twice. */
export function validateStrategy(strategy: string, path: string): Causes {
  const at = field.child(path, "strategy");
  return strategy.includes("/")
    ? obeys(isQualifiedName, strategy, at)
    : oneOf(strategy, ["OldestEmulationVersion"], at);
}

/** Coordinated election is a feature that is off: its fields are dropped unless the stored lease has them. */
export function withoutElection(lease: Lease, old?: Lease): Lease {
  const { strategy, preferredHolder, ...rest } = lease.spec ?? {};
  if (strategy === undefined && preferredHolder === undefined) return lease;
  const keepsStrategy = strategy !== undefined && old?.spec?.strategy !== undefined;
  const keepsHolder = preferredHolder !== undefined && old?.spec?.preferredHolder !== undefined;
  return {
    ...lease,
    spec: { ...rest, ...(keepsStrategy && { strategy }), ...(keepsHolder && { preferredHolder }) },
  };
}
