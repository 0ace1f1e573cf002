/** The files of configMap, secret, downwardAPI and projected volumes. @module */
import type { ClusterTrustBundle } from "#api/certificates/v1/types.gen";
import type {
  ClusterTrustBundleProjection,
  ConfigMap,
  DownwardAPIVolumeFile,
  KeyToPath,
  Pod,
  PodCertificateProjection,
  ProjectedVolumeSource,
  Secret,
  ServiceAccountTokenProjection,
  Volume,
} from "#api/core/v1/types.gen";
import { fieldRefValue, type PodAddresses, resourceFieldValue } from "../env/field-ref.ts";
import type { NodeCapacity, ObjectSource } from "../env/types.ts";
import type { PayloadFile } from "../platform/platform.ts";
import { specOf } from "../container/pod-spec.ts";
import type { CredentialBundle } from "../podcertificate/plan.ts";
import { trustAnchors } from "./trust-anchors.ts";

export interface PayloadSources {
  readonly objects: ObjectSource;
  readonly node: NodeCapacity;
  readonly addresses: PodAddresses;
  readonly token: (pod: Pod, source: ServiceAccountTokenProjection, signal: AbortSignal) => Promise<string>;
  /** All that there are. */
  readonly trustBundles: (signal: AbortSignal) => Promise<readonly ClusterTrustBundle[]>;
  /** Throws when the certificate is not issued, yet or for ever. */
  readonly certificate: (pod: Pod, volume: string, sourceIndex: number) => CredentialBundle;
}

const DEFAULT_MODE = 0o644;

type Files = Map<string, PayloadFile>;

/** Undefined: the volume is of another type. Throws with the words that `FailedMount` shows. */
export async function payloadOf(
  pod: Pod,
  volume: Volume,
  sources: PayloadSources,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, PayloadFile> | undefined> {
  const { configMap, secret, downwardAPI, projected } = volume;
  if (configMap !== undefined) {
    const { name, items, optional, defaultMode } = configMap;
    return keyed(
      pod,
      "configmap",
      { name, items, optional, mode: defaultMode ?? DEFAULT_MODE },
      sources,
      signal,
    );
  }
  if (secret !== undefined) {
    const { secretName, items, optional, defaultMode } = secret;
    const from = { name: secretName, items, optional, mode: defaultMode ?? DEFAULT_MODE };
    return keyed(pod, "secret", from, sources, signal);
  }
  if (downwardAPI !== undefined) {
    return downward(pod, downwardAPI.items ?? [], downwardAPI.defaultMode ?? DEFAULT_MODE, sources);
  }
  if (projected !== undefined) return projectedFiles(pod, volume.name, projected, sources, signal);
  return undefined;
}

interface Keyed {
  readonly name: string | undefined;
  readonly items: readonly KeyToPath[] | undefined;
  readonly optional: boolean | undefined;
  readonly mode: number;
}

async function keyed(
  pod: Pod,
  what: "configmap" | "secret",
  { name = "", items, optional = false, mode }: Keyed,
  { objects }: PayloadSources,
  signal: AbortSignal,
): Promise<Files> {
  const namespace = pod.metadata.namespace ?? "";
  const object =
    what === "secret"
      ? await objects.secret(namespace, name, signal)
      : await objects.configMap(namespace, name, signal);
  const files: Files = new Map();
  if (object === undefined) {
    if (optional) return files;
    throw new Error(`${what} ${JSON.stringify(name)} not found`);
  }
  const data = bytesOf(object);
  if (items === undefined || items.length === 0) {
    for (const [key, bytes] of data) files.set(key, { data: bytes, mode });
    return files;
  }
  for (const item of items) {
    const bytes = data.get(item.key);
    if (bytes !== undefined) files.set(safePath(item.path), { data: bytes, mode: item.mode ?? mode });
    else if (!optional)
      throw new Error(`references non-existent ${what === "secret" ? "secret" : "config"} key: ${item.key}`);
  }
  return files;
}

function bytesOf(object: ConfigMap | Secret): ReadonlyMap<string, Uint8Array> {
  const data = new Map<string, Uint8Array>();
  const encoding = object.kind === "Secret" ? "base64" : "utf8";
  for (const [key, value] of Object.entries(object.data ?? {})) data.set(key, Buffer.from(value, encoding));
  if (object.kind === "ConfigMap") {
    for (const [key, value] of Object.entries(object.binaryData ?? {}))
      data.set(key, Buffer.from(value, "base64"));
  }
  return data;
}

function downward(
  pod: Pod,
  items: readonly DownwardAPIVolumeFile[],
  defaultMode: number,
  { node, addresses }: PayloadSources,
): Files {
  const files: Files = new Map();
  for (const { path, fieldRef, resourceFieldRef, mode } of items) {
    const text =
      fieldRef !== undefined
        ? fieldRefValue(pod, fieldRef.fieldPath, addresses)
        : resourceFieldRef !== undefined
          ? resourceFieldValue(pod, resourceFieldRef, undefined, node)
          : "";
    files.set(safePath(path), { data: Buffer.from(text), mode: mode ?? defaultMode });
  }
  return files;
}

async function projectedFiles(
  pod: Pod,
  volume: string,
  { sources: list = [], defaultMode = DEFAULT_MODE }: ProjectedVolumeSource,
  sources: PayloadSources,
  signal: AbortSignal,
): Promise<Files> {
  const files: Files = new Map();
  for (const [i, source] of list.entries()) {
    const { configMap, secret, downwardAPI, serviceAccountToken, clusterTrustBundle, podCertificate } =
      source;
    let part: Files;
    if (configMap !== undefined) {
      const { name, items, optional } = configMap;
      part = await keyed(pod, "configmap", { name, items, optional, mode: defaultMode }, sources, signal);
    } else if (secret !== undefined) {
      const { name, items, optional } = secret;
      part = await keyed(pod, "secret", { name, items, optional, mode: defaultMode }, sources, signal);
    } else if (downwardAPI !== undefined) part = downward(pod, downwardAPI.items ?? [], defaultMode, sources);
    else if (serviceAccountToken !== undefined) {
      part = await tokenFile(pod, serviceAccountToken, defaultMode, sources, signal);
    } else if (clusterTrustBundle !== undefined) {
      part = await anchorsFile(pod, clusterTrustBundle, defaultMode, sources, signal);
    } else if (podCertificate !== undefined) {
      part = certificateFiles(pod, podCertificate, sources.certificate(pod, volume, i), defaultMode);
    } else {
      const [type] = Object.keys(source);
      throw new Error(`projected volume source ${type ?? "without a type"} is not supported by this node`);
    }
    for (const [path, file] of part) files.set(path, file);
  }
  return files;
}

async function tokenFile(
  pod: Pod,
  source: ServiceAccountTokenProjection,
  defaultMode: number,
  { token }: PayloadSources,
  signal: AbortSignal,
): Promise<Files> {
  return ownFile(pod, source.path, await token(pod, source, signal), defaultMode);
}

async function anchorsFile(
  pod: Pod,
  source: ClusterTrustBundleProjection,
  defaultMode: number,
  { trustBundles }: PayloadSources,
  signal: AbortSignal,
): Promise<Files> {
  return ownFile(pod, source.path, trustAnchors(source, await trustBundles(signal)), defaultMode);
}

/** Key and chain in one file, or each in its own: written together, so that they fit each other. */
function certificateFiles(
  pod: Pod,
  { credentialBundlePath, keyPath, certificateChainPath }: PodCertificateProjection,
  { privateKey, chain }: CredentialBundle,
  defaultMode: number,
): Files {
  const texts = [
    [credentialBundlePath, privateKey + chain],
    [keyPath, privateKey],
    [certificateChainPath, chain],
  ] as const;
  return new Map(texts.flatMap(([path, text]) => (path ? [...ownFile(pod, path, text, defaultMode)] : [])));
}

/** Readable by the pod's users alone: the fsGroup's, or the one user that all containers run as. */
function ownFile(pod: Pod, path: string, text: string, defaultMode: number): Files {
  const data = Buffer.from(text);
  const fsGroup = specOf(pod).securityContext?.fsGroup;
  const uid = commonUser(pod);
  const mode = fsGroup !== undefined || uid !== undefined ? 0o600 : defaultMode;
  const owner = uid !== undefined && fsGroup === undefined ? { uid } : {};
  return new Map([[safePath(path), { data, mode, ...owner }]]);
}

function commonUser(pod: Pod): number | undefined {
  const { securityContext, containers, initContainers = [] } = specOf(pod);
  const users = new Set(
    [...containers, ...initContainers].map((c) => c.securityContext?.runAsUser ?? securityContext?.runAsUser),
  );
  return users.size === 1 ? [...users][0] : undefined;
}

/** A relative path without `..`; the API server checks it too. */
function safePath(path: string): string {
  if (path.startsWith("/") || path.split("/").includes("..") || path === "" || path.startsWith("..")) {
    throw new Error(`invalid path: must be relative and not contain '..': ${path}`);
  }
  return path;
}
