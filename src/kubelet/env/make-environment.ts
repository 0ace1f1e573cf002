/** The environment of a container, from everywhere it can come from. @module */
import { ownValue } from "#apimachinery";
import type { ConfigMap, Container, EnvFromSource, EnvVar, Pod, Secret } from "#api/core/v1/types.gen";
import { specOf } from "../container/pod-spec.ts";
import { expand } from "./expand.ts";
import { fieldRefValue, type PodAddresses, resourceFieldValue } from "./field-ref.ts";
import type { FileInside } from "../platform/platform.ts";
import { parseEnv } from "./parse-env.ts";
import { serviceEnv } from "./service-env.ts";
import type { NodeCapacity, ObjectSource } from "./types.ts";

export interface EnvironmentInput {
  readonly pod: Pod;
  readonly container: Container;
  readonly addresses: PodAddresses;
  readonly objects: ObjectSource;
  readonly node: NodeCapacity;
  /** One file of an emptyDir volume, for fileKeyRef. */
  readonly readVolumeFile: (volumeName: string, path: string) => Promise<FileInside>;
}

/** The container cannot be made until somebody changes something: CreateContainerConfigError. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/**
 * Later sources win: services, then `envFrom` in order, then `env`. Values refer to variables that came before them.
 * Throws `ConfigError` when something that is not optional is missing.
 */
export async function makeEnvironment(
  input: EnvironmentInput,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const { pod, container, objects } = input;
  const links = specOf(pod).enableServiceLinks ?? true;
  const services = serviceEnv(objects.services(), pod.metadata.namespace ?? "", links);
  const env = new Map<string, string>();
  for (const source of container.envFrom ?? []) await addFrom(input, env, source, signal);
  for (const variable of container.env ?? []) {
    const value =
      variable.valueFrom === undefined
        ? expand(variable.value ?? "", (name) => env.get(name) ?? services.get(name))
        : await valueFrom(input, variable, signal);
    if (value !== undefined) env.set(variable.name, value);
  }
  for (const [name, value] of services) if (!env.has(name)) env.set(name, value);
  return env;
}

async function addFrom(
  input: EnvironmentInput,
  env: Map<string, string>,
  { prefix = "", configMapRef, secretRef }: EnvFromSource,
  signal: AbortSignal,
): Promise<void> {
  const ref = configMapRef ?? secretRef;
  if (ref === undefined) return;
  const what = configMapRef === undefined ? "secret" : "configmap";
  const object = await lookUp(input, what, ref.name ?? "", signal);
  if (object === undefined) {
    if (ref.optional === true) return;
    throw new ConfigError(`${what} ${JSON.stringify(ref.name)} not found`);
  }
  for (const key of Object.keys(object.data ?? {}).toSorted()) {
    env.set(`${prefix}${key}`, textOf(object, key)!);
  }
}

async function valueFrom(
  input: EnvironmentInput,
  { name, valueFrom: from }: EnvVar,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { pod, container, addresses, node } = input;
  if (from?.fieldRef !== undefined)
    return guard(() => fieldRefValue(pod, from.fieldRef!.fieldPath, addresses));
  if (from?.resourceFieldRef !== undefined) {
    return guard(() => resourceFieldValue(pod, from.resourceFieldRef!, container.name, node));
  }
  if (from?.fileKeyRef !== undefined) return fileKey(input, from.fileKeyRef);
  const ref = from?.configMapKeyRef ?? from?.secretKeyRef;
  if (ref === undefined) throw new ConfigError(`environment variable ${name} has no source`);
  const what = from?.configMapKeyRef === undefined ? "secret" : "configmap";
  const object = await lookUp(input, what, ref.name ?? "", signal);
  const value = object === undefined ? undefined : textOf(object, ref.key);
  if (value !== undefined || ref.optional === true) return value;
  if (object === undefined) throw new ConfigError(`${what} ${JSON.stringify(ref.name)} not found`);
  const kind = what === "secret" ? "Secret" : "ConfigMap";
  const namespace = pod.metadata.namespace ?? "";
  throw new ConfigError(`couldn't find key ${ref.key} in ${kind} ${namespace}/${ref.name}`);
}

/** From a file that another container wrote. What cannot be read is an error, also of what is optional, as upstream. */
async function fileKey(
  { readVolumeFile }: EnvironmentInput,
  ref: {
    readonly volumeName: string;
    readonly path: string;
    readonly key: string;
    readonly optional?: boolean;
  },
): Promise<string | undefined> {
  let path: string;
  let value: string;
  try {
    const file = await readVolumeFile(ref.volumeName, ref.path);
    path = file.path;
    value = parseEnv(file.data, ref.key);
  } catch (err) {
    if (err instanceof ConfigError) throw err;
    // Neither what is in the file nor why it could not be opened is told: it need not be the user's.
    throw new ConfigError("couldn't parse env file", { cause: err });
  }
  if (value !== "") return value;
  if (ref.optional === true) return undefined;
  throw new ConfigError(
    `environment variable key ${JSON.stringify(ref.key)} not found in file ${JSON.stringify(path)}`,
  );
}

function lookUp(
  { pod, objects }: EnvironmentInput,
  what: "secret" | "configmap",
  name: string,
  signal: AbortSignal,
): Promise<ConfigMap | Secret | undefined> {
  const namespace = pod.metadata.namespace ?? "";
  return what === "secret"
    ? objects.secret(namespace, name, signal)
    : objects.configMap(namespace, name, signal);
}

function textOf(object: ConfigMap | Secret, key: string): string | undefined {
  const value = ownValue<string>(object.data, key);
  if (value === undefined) return undefined;
  return object.kind === "Secret" ? Buffer.from(value, "base64").toString("utf8") : value;
}

function guard(make: () => string): string {
  try {
    return make();
  } catch (err) {
    throw new ConfigError((err as Error).message, { cause: err });
  }
}
