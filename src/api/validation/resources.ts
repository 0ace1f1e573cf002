/** Names and amounts of resources, in containers and in pods. @module */
import {
  canonicalQuantity,
  compareAmounts,
  field,
  isDns1123Label,
  isIntegerQuantity,
  isQualifiedName,
  isQuantity,
  parseQuantity,
  quantityValue,
  signOf,
} from "#apimachinery";
import type { PodSpec, ResourceClaim, ResourceRequirements } from "../core/v1/types.gen.ts";
import { all, each, NONE, obeys, type Causes } from "./common.ts";
import { someContainer } from "./pod-visit.ts";

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
export const isOvercommitAllowed = (name: string): boolean => isNative(name) && !isHugePages(name);

export function isExtendedResource(name: string): boolean {
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
  if (isNative(name) || isExtendedResource(name)) return causes;
  return [...causes, field.invalid(path, name, "doesn't follow extended resource name standard")];
}

function validatePodResourceName(name: string, path: string): Causes {
  const causes = validateResourceName(name, path);
  if (causes.length > 0 || name === "cpu" || name === "memory" || isHugePages(name)) return causes;
  return [field.notSupported(path, name, ["cpu", "hugepages-", "memory"])];
}

export const isQuotaResource = (name: string): boolean => QUOTA_RESOURCES.has(name) || isQuotaHugePages(name);

export function validateQuotaResourceName(name: string, path: string): Causes {
  const causes = validateResourceName(name, path);
  if (name.includes("/") || isQuotaResource(name)) return causes;
  return [...causes, field.invalid(path, name, "must be a standard resource for quota")];
}

export function validateResourceQuantity(name: string, value: string, path: string): Causes {
  const quantity = parseQuantity(value);
  const shown = canonicalQuantity(value);
  const needsInteger = INTEGER_RESOURCES.has(name) || isExtendedResource(name);
  return all(
    signOf(quantity) < 0 ? [field.invalid(path, shown, "must be greater than or equal to 0")] : NONE,
    needsInteger && !isIntegerQuantity(quantity) ? [field.invalid(path, shown, "must be an integer")] : NONE,
  );
}

export interface ResourceOptions {
  /** Names of the pod's resource claims. */
  readonly claimNames?: readonly string[];
  /** Stored objects may ask for parts of huge pages. */
  readonly indivisibleHugePages?: boolean;
}

/** What a container asks for. */
export function validateContainerResources(
  resources: ResourceRequirements | undefined,
  path: string,
  options: ResourceOptions = {},
): Causes {
  return validateRequirements(resources ?? {}, validateContainerResourceName, path, options);
}

export function validatePodResources(
  resources: ResourceRequirements,
  path: string,
  options: ResourceOptions,
): Causes {
  return all(
    resources.claims === undefined
      ? NONE
      : [field.forbidden(field.child(path, "claims"), "claims may not be set for Resources at pod-level")],
    validateRequirements(resources, validatePodResourceName, path, options),
  );
}

type NameCheck = (name: string, path: string) => Causes;

function validateRequirements(
  { limits = {}, requests = {}, claims = [] }: ResourceRequirements,
  validateName: NameCheck,
  path: string,
  { claimNames = [], indivisibleHugePages = false }: ResourceOptions,
): Causes {
  const limitsPath = field.child(path, "limits");
  const requestsPath = field.child(path, "requests");
  const names = [...Object.keys(limits), ...Object.keys(requests)];
  const needsCompany = names.some(isHugePages) && !names.includes("cpu") && !names.includes("memory");
  const pages = (name: string, value: string, at: string): Causes =>
    indivisibleHugePages ? NONE : validateHugePages(name, value, at);
  return all(
    Object.entries(limits).flatMap(([name, value]) => {
      const at = field.key(limitsPath, name);
      return all(validateName(name, at), validateResourceQuantity(name, value, at), pages(name, value, at));
    }),
    Object.entries(requests).flatMap(([name, value]) => {
      const at = field.key(requestsPath, name);
      return all(
        validateName(name, at),
        validateResourceQuantity(name, value, at),
        compareWithLimit(name, value, limits[name], limitsPath, requestsPath),
        pages(name, value, at),
      );
    }),
    needsCompany ? [field.forbidden(path, "HugePages require cpu or memory")] : NONE,
    validateClaims(claims, claimNames, field.child(path, "claims")),
  );
}

function validateHugePages(name: string, value: string, path: string): Causes {
  if (!isHugePages(name) || isDivisible(name, value)) return NONE;
  const shown = canonicalQuantity(value);
  return [field.invalid(path, shown, `${shown} is not positive integer multiple of ${name}`)];
}

/** The size stands in the name: `hugepages-2Mi`. A name without one was refused already. */
function isDivisible(name: string, value: string): boolean {
  const sizeText = name.slice("hugepages-".length);
  if (!isQuantity(sizeText)) return false;
  const size = quantityValue(parseQuantity(sizeText));
  return size > 0 && quantityValue(parseQuantity(value)) % size === 0;
}

export function hasIndivisibleHugePages(spec: PodSpec): boolean {
  return someContainer(spec, ({ resources }) =>
    [resources?.limits, resources?.requests].some((list) =>
      Object.entries(list ?? {}).some(([name, value]) => isHugePages(name) && !isDivisible(name, value)),
    ),
  );
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
  const order = compareAmounts(request, limit);
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
    const unknown = podClaims.includes(name) ? NONE : [unknownClaim(at, name, podClaims)];
    if (seen.has(name)) return all([field.duplicate(at, name)], unknown);
    const key = request === "" ? name : `${name}/${request}`;
    const overlaps = request === "" ? [...seen].filter((k) => k.startsWith(`${name}/`)) : [];
    const repeated = seen.has(key) ? [key] : overlaps.map(() => name);
    seen.add(key);
    return all(
      request === "" ? NONE : obeys(isDns1123Label, request, field.child(at, "request")),
      repeated.map((value) => field.duplicate(at, value)),
      unknown,
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
