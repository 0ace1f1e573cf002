/** Rules for CSIDrivers. @module */
import { field } from "#apimachinery";
import { each, immutable, NONE, oneOf, type Causes } from "../../validation/common.ts";
import { semanticEqual } from "../../validation/semantic-equal.ts";
import type { CSIDriver } from "./types.gen.ts";

const UPDATE_PERIOD_SECONDS_MIN = 10;
const TOKEN_SECONDS_MIN = 600;
const TOKEN_SECONDS_MAX = 2 ** 32;
const TOKENS_WARNING =
  "spec.serviceAccountTokenInSecrets is unset; if supported by this CSI driver, set to true to prevent possible logging of tokens in volume attributes";

export function validateCSIDriver({ spec }: CSIDriver): Causes {
  const period = spec.nodeAllocatableUpdatePeriodSeconds;
  const policies = ["File", "None", "ReadWriteOnceWithFSType"];
  const seen = new Set<string>();
  return [
    ...oneOf(spec.fsGroupPolicy, policies, "spec.fsGroupPolicy"),
    ...each(spec.tokenRequests, "spec.tokenRequests", ({ audience, expirationSeconds: seconds }, at) => {
      const path = field.child(at, "expirationSeconds");
      if (seen.has(audience)) return [field.duplicate(field.child(at, "audience"), audience)];
      seen.add(audience);
      if (seconds === undefined) return NONE;
      if (seconds < TOKEN_SECONDS_MIN) {
        return [field.invalid(path, seconds, "may not specify a duration less than 10 minutes")];
      }
      if (seconds <= TOKEN_SECONDS_MAX) return NONE;
      return [field.invalid(path, seconds, "may not specify a duration larger than 2^32 seconds")];
    }),
    ...(spec.volumeLifecycleModes ?? []).flatMap((mode) =>
      oneOf(mode, ["Persistent", "Ephemeral"], "spec.volumeLifecycleModes"),
    ),
    ...(period !== undefined && period < UPDATE_PERIOD_SECONDS_MIN
      ? [
          field.invalid(
            "spec.nodeAllocatableUpdatePeriodSeconds",
            period,
            `must be greater than or equal to ${UPDATE_PERIOD_SECONDS_MIN} seconds`,
          ),
        ]
      : NONE),
    ...(spec.serviceAccountTokenInSecrets !== undefined && (spec.tokenRequests?.length ?? 0) === 0
      ? [
          field.invalid(
            "spec.serviceAccountTokenInSecrets",
            spec.serviceAccountTokenInSecrets,
            "serviceAccountTokenInSecrets is set but no tokenRequests are specified",
          ),
        ]
      : NONE),
  ];
}

export function validateCSIDriverUpdate({ spec }: CSIDriver, old: CSIDriver): Causes {
  return [
    // Upstream's path has this slip.
    ...immutable(spec.attachRequired, old.spec.attachRequired, "spec.attachedRequired"),
    ...immutable(spec.volumeLifecycleModes, old.spec.volumeLifecycleModes, "spec.volumeLifecycleModes"),
  ];
}

/** What belongs to features that are off at this release is dropped, unless it was stored. */
export function prepareForCreate(driver: CSIDriver): CSIDriver {
  return withoutDisabled(driver, undefined);
}

/** Upstream counts the generation of drivers up, from none. */
export function prepareForUpdate(driver: CSIDriver, old: CSIDriver): CSIDriver {
  const next = withoutDisabled(driver, old);
  if (semanticEqual(next.spec, old.spec)) return next;
  return { ...next, metadata: { ...next.metadata, generation: (old.metadata.generation ?? 0) + 1 } };
}

function withoutDisabled(driver: CSIDriver, old: CSIDriver | undefined): CSIDriver {
  const { preventPodSchedulingIfMissing, ...spec } = driver.spec;
  const isKept = old?.spec.preventPodSchedulingIfMissing !== undefined;
  return preventPodSchedulingIfMissing === undefined || isKept ? driver : { ...driver, spec };
}

export function csiDriverWarnings({ spec }: CSIDriver, old: CSIDriver | undefined): readonly string[] {
  const { tokenRequests = [], serviceAccountTokenInSecrets } = spec;
  const isSame = old !== undefined && semanticEqual(old.spec.tokenRequests, tokenRequests);
  if (tokenRequests.length === 0 || serviceAccountTokenInSecrets !== undefined || isSame) return [];
  return [TOKENS_WARNING];
}
