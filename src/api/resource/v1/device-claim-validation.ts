/** Rules for what claims ask for: requests, constraints among them, and configuration. @module */
import { field, isDns1123Subdomain } from "#apimachinery";
import { all, NONE, requiredName, type Causes } from "../../validation/common.ts";
import { validateSet, validateSlice } from "./bounded-lists.ts";
import { validateConfiguration, validateSelectors } from "./device-configuration-validation.ts";
import { validateFullyQualifiedName, validateLabelLike } from "./device-names.ts";
import { validateDeviceTolerations } from "./device-taint-validation.ts";
import type { DeviceClaim, DeviceConstraint, DeviceRequest, ExactDeviceRequest } from "./types.gen.ts";

export const REQUESTS_MAX = 32;
const SUBREQUESTS_MAX = 8;
const CONSTRAINTS_MAX = 32;
export const CONFIG_MAX = 32;

/** Names of requests and, as `request/subrequest`, of the alternatives in them. */
export type RequestNames = ReadonlySet<string>;

export function requestNamesOf({ requests = [] }: DeviceClaim): RequestNames {
  return new Set(
    requests.flatMap(({ name, firstAvailable = [] }) => [
      name,
      ...firstAvailable.map((subrequest) => `${name}/${subrequest.name}`),
    ]),
  );
}

export function validateDeviceClaim(claim: DeviceClaim | undefined = {}, path: string): Causes {
  const names = requestNamesOf(claim);
  return all(
    validateSet(
      claim.requests,
      REQUESTS_MAX,
      validateRequest,
      ({ name }) => name,
      field.child(path, "requests"),
    ),
    validateSlice(
      claim.constraints,
      CONSTRAINTS_MAX,
      (constraint, at) => validateConstraint(constraint, names, at),
      field.child(path, "constraints"),
    ),
    validateSlice(
      claim.config,
      CONFIG_MAX,
      (config, at) =>
        all(
          validateRequestRefs(config.requests, names, field.child(at, "requests")),
          validateConfiguration(config, at),
        ),
      field.child(path, "config"),
    ),
  );
}

function validateRequest({ name, exactly, firstAvailable = [] }: DeviceRequest, path: string): Causes {
  return all(
    validateLabelLike(name, field.child(path, "name")),
    validateChoice(exactly, firstAvailable, path),
  );
}

function validateChoice(
  exactly: ExactDeviceRequest | undefined,
  firstAvailable: NonNullable<DeviceRequest["firstAvailable"]>,
  path: string,
): Causes {
  const message = "exactly one of `exactly` or `firstAvailable` is required";
  if (exactly === undefined && firstAvailable.length === 0) return [field.required(path, message)];
  if (exactly !== undefined && firstAvailable.length > 0) {
    return [field.invalid(path, undefined, `${message}, but multiple fields are set`)];
  }
  if (exactly !== undefined) return validateExact(exactly, field.child(path, "exactly"));
  return validateSet(
    firstAvailable,
    SUBREQUESTS_MAX,
    (subrequest, at) =>
      all(validateLabelLike(subrequest.name, field.child(at, "name")), validateExact(subrequest, at)),
    ({ name }) => name,
    field.child(path, "firstAvailable"),
  );
}

type AnyRequest = Pick<
  ExactDeviceRequest,
  "deviceClassName" | "selectors" | "allocationMode" | "count" | "tolerations"
>;

function validateExact(request: AnyRequest, path: string): Causes {
  const { deviceClassName, selectors, allocationMode = "", count = 0, tolerations } = request;
  return all(
    requiredName(isDns1123Subdomain, deviceClassName, field.child(path, "deviceClassName")),
    validateSelectors(selectors, field.child(path, "selectors")),
    validateMode(allocationMode, count, path),
    validateDeviceTolerations(tolerations, field.child(path, "tolerations")),
  );
}

function validateMode(mode: string, count: number, path: string): Causes {
  const at = field.child(path, "count");
  switch (mode) {
    case "All":
      if (count === 0) return NONE;
      return [field.invalid(at, count, `must not be specified when allocationMode is '${mode}'`)];
    case "ExactCount":
      return count > 0 ? NONE : [field.invalid(at, count, "must be greater than zero")];
    default:
      return [field.notSupported(field.child(path, "allocationMode"), mode, ["All", "ExactCount"])];
  }
}

function validateConstraint(constraint: DeviceConstraint, names: RequestNames, path: string): Causes {
  const { requests, matchAttribute, distinctAttribute } = constraint;
  // Upstream's message has this slip.
  const message = `exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set`;
  return all(
    validateRequestRefs(requests, names, field.child(path, "requests")),
    matchAttribute !== undefined
      ? validateFullyQualifiedName(matchAttribute, field.child(path, "matchAttribute"))
      : distinctAttribute !== undefined
        ? validateFullyQualifiedName(distinctAttribute, field.child(path, "distinctAttribute"))
        : [field.required(path, message)],
  );
}

export function validateRequestRefs(
  refs: readonly string[] | undefined,
  names: RequestNames,
  path: string,
): Causes {
  return validateSet(
    refs,
    REQUESTS_MAX,
    (ref, at) => validateRequestRef(ref, names, at),
    (ref) => ref,
    path,
  );
}

export function validateRequestRef(ref: string, names: RequestNames, path: string): Causes {
  const message =
    "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'";
  const segments = ref.split("/");
  if (segments.length > 2) return [field.invalid(path, ref, message)];
  return all(
    segments.flatMap((segment) => validateLabelLike(segment, path)),
    names.has(ref) ? NONE : [field.invalid(path, ref, message)],
  );
}
