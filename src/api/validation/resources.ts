/** Names and amounts of resources, in containers and in pods. @module */
import {
  canonicalQuantity,
  compareQuantity,
  field,
  isDns1123Label,
  isIntegerQuantity,
  isQualifiedName,
  parseQuantity,
  quantityValue,
  signOf,
} from "#apimachinery";
import type { ResourceClaim, ResourceRequirements } from "../core/v1/types.gen.ts";
import { all, each, NONE, obeys, type Causes } from "./common.ts";

const CONTAINER_RESOURCES: ReadonlySet<string> = new Set(["cpu", "memory", "ephemeral-storage"]);
/** Counted, never divided. */
const INTEGER_RESOURCES: ReadonlySet<string> = new Set([
  "pods",
  "resourcequotas",
  "services",
  "replicationcontrollers",
  "secrets",
  "configmaps",
  "persistentvolumeclaims",
  "services.nodeports",
  "services.loadbalancers",
]);
const QUOTA_RESOURCES: ReadonlySet<string> = new Set([
  ...CONTAINER_RESOURCES,
  ...INTEGER_RESOURCES,
  ...["cpu", "memory", "storage", "ephemeral-storage"].map((name) => `requests.${name}`),
  ...["cpu", "memory", "ephemeral-storage"].map((name) => `limits.${name}`),
]);
const STANDARD_RESOURCES: ReadonlySet<string> = new Set([...QUOTA_RESOURCES, "storage"]);

export const isHugePages = (name: string): boolean => name.startsWith("hugepages-");
const isQuotaHugePages = (name: string): boolean =>
  isHugePages(name) || name.startsWith("requests.hugepages-");
const isNative = (name: string): boolean => !name.includes("/") || name.includes("kubernetes.io/");
const isOvercommitAllowed = (name: string): boolean => isNative(name) && !isHugePages(name);

function isExtended(name: string): boolean {
  if (isNative(name) || name.startsWith("requests.")) return false;
  return isQualifiedName(`requests.${name}`).length === 0;
}

export function validateResourceName(name: string, path: string): Causes {
  const causes = obeys(isQualifiedName, name, path);
  if (causes.length > 0 || name.includes("/")) return causes;
  if (STANDARD_RESOURCES.has(name) || isQuotaHugePages(name)) return NONE;
  return [field.invalid(path, name, "must be a standard resource type or fully qualified")];
}

export function validateContainerResourceName(name: string, path: string): Causes {
  const causes = validateResourceName(name, path);
  if (!name.includes("/")) {
    if (CONTAINER_RESOURCES.has(name) || isHugePages(name)) return causes;
    return [...causes, field.invalid(path, name, "must be a standard resource for containers")];
  }
  if (isNative(name) || isExtended(name)) return causes;
  return [...causes, field.invalid(path, name, "doesn't follow extended resource name standard")];
}

function validatePodResourceName(name: string, path: string): Causes {
  const causes = validateResourceName(name, path);
  if (causes.length > 0 || name === "cpu" || name === "memory" || isHugePages(name)) return causes;
  return [field.notSupported(path, name, ["cpu", "hugepages-", "memory"])];
}

export function validateQuotaResourceName(name: string, path: string): Causes {
  const causes = validateResourceName(name, path);
  if (name.includes("/") || QUOTA_RESOURCES.has(name) || isQuotaHugePages(name)) return causes;
  return [...causes, field.invalid(path, name, "must be a standard resource for quota")];
}

export function validateResourceQuantity(name: string, value: string, path: string): Causes {
  const quantity = parseQuantity(value);
  return all(
    signOf(quantity) < 0 ? [field.invalid(path, value, "must be greater than or equal to 0")] : NONE,
    INTEGER_RESOURCES.has(name) || isExtended(name)
      ? isIntegerQuantity(quantity)
        ? NONE
        : [field.invalid(path, value, "must be an integer")]
      : NONE,
  );
}

/** What a container asks for; `claimNames` are the pod's resource claims. */
export function validateContainerResources(
  resources: ResourceRequirements | undefined,
  claimNames: readonly string[],
  path: string,
): Causes {
  return validateRequirements(resources ?? {}, validateContainerResourceName, claimNames, path);
}

export function validatePodResources(resources: ResourceRequirements, path: string): Causes {
  return all(
    resources.claims === undefined
      ? NONE
      : [field.forbidden(field.child(path, "claims"), "claims may not be set for Resources at pod-level")],
    validateRequirements({ ...resources, claims: [] }, validatePodResourceName, [], path),
  );
}

function validateRequirements(
  { limits = {}, requests = {}, claims = [] }: ResourceRequirements,
  validateName: (name: string, path: string) => Causes,
  claimNames: readonly string[],
  path: string,
): Causes {
  const limitsPath = field.child(path, "limits");
  const requestsPath = field.child(path, "requests");
  const names = [...Object.keys(limits), ...Object.keys(requests)];
  const needsCompany = names.some(isHugePages) && !names.includes("cpu") && !names.includes("memory");
  return all(
    validateList(limits, validateName, limitsPath),
    validateList(requests, validateName, requestsPath),
    Object.entries(requests).flatMap(([name, request]) =>
      compareWithLimit(name, request, limits[name], limitsPath, requestsPath),
    ),
    needsCompany ? [field.forbidden(path, "HugePages require cpu or memory")] : NONE,
    validateClaims(claims, claimNames, field.child(path, "claims")),
  );
}

function validateList(
  list: Readonly<Record<string, string>>,
  validateName: (name: string, path: string) => Causes,
  path: string,
): Causes {
  return Object.entries(list).flatMap(([name, value]) => {
    const at = field.key(path, name);
    return all(
      validateName(name, at),
      validateResourceQuantity(name, value, at),
      isHugePages(name) && !isDivisible(name, value)
        ? [field.invalid(at, value, `${value} is not positive integer multiple of ${name}`)]
        : NONE,
    );
  });
}

function isDivisible(name: string, value: string): boolean {
  const size = quantityValue(parseQuantity(name.slice("hugepages-".length)));
  return size > 0 && quantityValue(parseQuantity(value)) % size === 0;
}

function compareWithLimit(
  name: string,
  request: string,
  limit: string | undefined,
  limitsPath: string,
  requestsPath: string,
): Causes {
  if (limit === undefined) {
    if (isOvercommitAllowed(name)) return NONE;
    return [field.required(limitsPath, "Limit must be set for non overcommitable resources")];
  }
  const order = compareQuantity(parseQuantity(request), parseQuantity(limit));
  const shown = canonicalQuantity(limit);
  if (order !== 0 && !isOvercommitAllowed(name)) {
    return [
      field.invalid(requestsPath, canonicalQuantity(request), `must be equal to ${name} limit of ${shown}`),
    ];
  }
  if (order <= 0) return NONE;
  const message = `must be less than or equal to ${name} limit of ${shown}`;
  return [field.invalid(requestsPath, canonicalQuantity(request), message)];
}

function validateClaims(
  claims: readonly ResourceClaim[],
  podClaims: readonly string[],
  path: string,
): Causes {
  const seen = new Set<string>();
  return each(claims, path, ({ name, request = "" }, at) => {
    if (name === "") return [field.required(at)];
    const key = request === "" ? name : `${name}/${request}`;
    const repeated =
      seen.has(name) || seen.has(key) || (request === "" && [...seen].some((k) => k.startsWith(`${name}/`)));
    seen.add(key);
    return all(
      repeated ? [field.duplicate(at, key)] : NONE,
      request === "" ? NONE : obeys(isDns1123Label, request, field.child(at, "request")),
      podClaims.includes(name) ? NONE : [unknownClaim(at, name, podClaims)],
    );
  });
}

function unknownClaim(
  path: string,
  name: string,
  podClaims: readonly string[],
): ReturnType<typeof field.notFound> {
  const cause = field.notFound(path, name);
  const known = podClaims.length === 0 ? " which is empty" : `: ${podClaims.toSorted().join(", ")}`;
  return {
    ...cause,
    message: `${cause.message}: must be one of the names in pod.spec.resourceClaims${known}`,
  };
}
