/** Rules for Leases. @module */
import { field } from "#apimachinery";
import { NONE, oneOf, type Causes } from "../../validation/common.ts";
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
    ...oneOf(strategy, ["OldestEmulationVersion"], "spec.strategy"),
    ...(preferredHolder && !strategy
      ? [field.forbidden("spec.preferredHolder", "may only be specified if `strategy` is defined")]
      : NONE),
  ];
}
