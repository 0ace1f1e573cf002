/** Environment of containers: `env` and `envFrom`. @module */
import {
  field,
  isConfigMapKey,
  isDns1123Label,
  isDns1123Subdomain,
  isQualifiedName,
  isRelaxedEnvVarName,
  parseQuantity,
  canonicalQuantity,
  signOf,
} from "#apimachinery";
import type {
  EnvFromSource,
  EnvVar,
  EnvVarSource,
  ObjectFieldSelector,
  ResourceFieldSelector,
} from "../core/v1/types.gen.ts";
import { all, each, hasBacksteps, NONE, obeys, requiredName, type Causes } from "./common.ts";

const ENV_FIELD_PATHS: readonly string[] = [
  "metadata.name",
  "metadata.namespace",
  "metadata.uid",
  "spec.nodeName",
  "spec.serviceAccountName",
  "status.hostIP",
  "status.hostIPs",
  "status.podIP",
  "status.podIPs",
];
export const VOLUME_FIELD_PATHS: readonly string[] = [
  "metadata.annotations",
  "metadata.labels",
  "metadata.name",
  "metadata.namespace",
  "metadata.uid",
];
/** What the API knows as a field of a pod for the downward API at all. */
const KNOWN_FIELD_PATHS: readonly string[] = [
  ...ENV_FIELD_PATHS,
  "metadata.annotations",
  "metadata.labels",
  "spec.host",
  "spec.restartPolicy",
  "spec.schedulerName",
  "spec.hostNetwork",
  "status.phase",
  "status.nominatedNodeName",
];
const RESOURCE_FIELDS: readonly string[] = [
  "limits.cpu",
  "limits.ephemeral-storage",
  "limits.memory",
  "requests.cpu",
  "requests.ephemeral-storage",
  "requests.memory",
];
const HUGE_PAGES = /^(?:limits|requests)\.hugepages-/;
const CPU_DIVISORS = ["1m", "1"];
const SIZE_DIVISORS = ["1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"];

export function validateEnv(env: readonly EnvVar[] | undefined, path: string): Causes {
  return each(env, path, (variable, at) =>
    all(
      requiredName(isRelaxedEnvVarName, variable.name, field.child(at, "name")),
      validateValueFrom(variable, field.child(at, "valueFrom")),
    ),
  );
}

function validateValueFrom({ value = "", valueFrom }: EnvVar, path: string): Causes {
  if (valueFrom === undefined) return NONE;
  const sources = Object.values(valueFrom).filter((source) => source !== undefined).length;
  return all(validateSources(valueFrom, path), countProblem(sources, value, path));
}

function countProblem(sources: number, value: string, path: string): Causes {
  if (sources === 0) {
    const message =
      "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`";
    return [field.invalid(path, "", message)];
  }
  if (value !== "") return [field.invalid(path, "", "may not be specified when `value` is not empty")];
  if (sources > 1) return [field.invalid(path, "", "may not have more than one field specified at a time")];
  return NONE;
}

function validateSources(source: EnvVarSource, path: string): Causes {
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef } = source;
  const keyOf = (ref: { readonly name?: string; readonly key: string } | undefined, name: string): Causes =>
    ref === undefined ? NONE : validateKeySelector(ref, field.child(path, name));
  return all(
    fieldRef === undefined
      ? NONE
      : validateFieldRef(fieldRef, ENV_FIELD_PATHS, field.child(path, "fieldRef")),
    resourceFieldRef === undefined
      ? NONE
      : validateResourceFieldRef(resourceFieldRef, field.child(path, "resourceFieldRef"), false),
    keyOf(configMapKeyRef, "configMapKeyRef"),
    keyOf(secretKeyRef, "secretKeyRef"),
    fileKeyRef === undefined ? NONE : validateFileKeyRef(fileKeyRef, field.child(path, "fileKeyRef")),
  );
}

function validateKeySelector(ref: { readonly name?: string; readonly key: string }, path: string): Causes {
  return all(
    obeys(isDns1123Subdomain, ref.name ?? "", field.child(path, "name")),
    requiredName(isConfigMapKey, ref.key, field.child(path, "key")),
  );
}

function validateFileKeyRef(ref: NonNullable<EnvVarSource["fileKeyRef"]>, path: string): Causes {
  const at = field.child(path, "path");
  return all(
    requiredName(isRelaxedEnvVarName, ref.key, field.child(path, "key")),
    requiredName(isDns1123Label, ref.volumeName, field.child(path, "volumeName")),
    ref.path ? NONE : [field.required(at)],
    hasBacksteps(ref.path ?? "") ? [field.invalid(at, ref.path, "must not contain '..'")] : NONE,
  );
}

/** `allowed`: without subscripts; labels and annotations may always be picked by key. */
export function validateFieldRef(ref: ObjectFieldSelector, allowed: readonly string[], path: string): Causes {
  if (!ref.apiVersion) return [field.required(field.child(path, "apiVersion"))];
  const at = field.child(path, "fieldPath");
  if (!ref.fieldPath) return [field.required(at)];
  const subscripted = /^(.*)\['(.*)'\]$/.exec(ref.fieldPath);
  const name = subscripted?.[1] ?? ref.fieldPath;
  if (!KNOWN_FIELD_PATHS.includes(name)) {
    const message = `error converting fieldPath: field label not supported: ${ref.fieldPath}`;
    return [field.invalid(at, ref.fieldPath, message)];
  }
  if (subscripted === null)
    return allowed.includes(name) ? NONE : [field.notSupported(at, name, allowed.toSorted())];
  const key = subscripted[2]!;
  if (name === "metadata.annotations") return obeys(isQualifiedName, key.toLowerCase(), path);
  if (name === "metadata.labels") return obeys(isQualifiedName, key, path);
  return [field.invalid(path, name, "does not support subscript")];
}

export function validateResourceFieldRef(
  ref: ResourceFieldSelector,
  path: string,
  inVolume: boolean,
): Causes {
  const at = field.child(path, "resource");
  const problem =
    inVolume && !ref.containerName
      ? [field.required(field.child(path, "containerName"))]
      : !ref.resource
        ? [field.required(at)]
        : RESOURCE_FIELDS.includes(ref.resource) || HUGE_PAGES.test(ref.resource)
          ? NONE
          : [field.notSupported(at, ref.resource, RESOURCE_FIELDS)];
  return all(problem, validateDivisor(ref, field.child(path, "divisor")));
}

function validateDivisor({ resource, divisor = "0" }: ResourceFieldSelector, path: string): Causes {
  if (signOf(parseQuantity(divisor)) === 0) return NONE;
  const kind = resource.endsWith(".cpu")
    ? "cpu"
    : resource.endsWith(".memory")
      ? "memory"
      : resource.endsWith(".ephemeral-storage")
        ? "local ephemeral storage"
        : HUGE_PAGES.test(resource)
          ? "hugepages"
          : undefined;
  if (kind === undefined) return NONE;
  const allowed = kind === "cpu" ? CPU_DIVISORS : SIZE_DIVISORS;
  if (allowed.includes(canonicalQuantity(divisor))) return NONE;
  const list = kind === "cpu" ? "1m and 1" : SIZE_DIVISORS.join(", ");
  return [
    field.invalid(path, resource, `only divisor's values ${list} are supported with the ${kind} resource`),
  ];
}

export function validateEnvFrom(sources: readonly EnvFromSource[] | undefined, path: string): Causes {
  return each(sources, path, ({ prefix = "", configMapRef, secretRef }, at) => {
    const count = [configMapRef, secretRef].filter((ref) => ref !== undefined).length;
    const nameOf = (ref: { readonly name?: string } | undefined, name: string): Causes =>
      ref === undefined ? NONE : requiredName(isDns1123Subdomain, ref.name, field.child(at, name, "name"));
    return all(
      prefix === "" ? NONE : obeys(isRelaxedEnvVarName, prefix, field.child(at, "prefix")),
      nameOf(configMapRef, "configMapRef"),
      nameOf(secretRef, "secretRef"),
      count === 0 ? [field.invalid(path, "", "must specify one of: `configMapRef` or `secretRef`")] : NONE,
      count > 1 ? [field.invalid(path, "", "may not have more than one field specified at a time")] : NONE,
    );
  });
}
