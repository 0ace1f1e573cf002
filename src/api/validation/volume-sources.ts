/** Sources of volumes that pods and persistent volumes share, each with its own rules. @module */
import { byteLength, field, isDns1123Label, isDns1123Subdomain, isInRange } from "#apimachinery";
import { all, NONE, obeys, oneOf, requiredName, type Causes } from "./common.ts";
import { noBacksteps, validateDescendingPath } from "./paths.ts";

/** A source as it stands in the object: the API's types of pods and of persistent volumes differ in details only. */
export type Source = Readonly<Record<string, unknown>>;
export type SourceRule = (source: Source, path: string) => Causes;

const text = (source: Source, name: string): string => (source[name] as string | undefined) ?? "";
const size = (source: Source, name: string): number =>
  (source[name] as readonly unknown[] | undefined)?.length ?? 0;

/** Fields without which a source means nothing, in upstream's order. */
export function requires(...names: readonly string[]): SourceRule {
  return (source, path) =>
    names
      .filter((name) => (Array.isArray(source[name]) ? size(source, name) === 0 : text(source, name) === ""))
      .map((name) => field.required(field.child(path, name)));
}

/** A reference to a secret, where there is one. */
export function requiresInSecretRef(...names: readonly string[]): SourceRule {
  return (source, path) => {
    const ref = source["secretRef"] as Source | undefined;
    return ref === undefined ? NONE : requires(...names)(ref, field.child(path, "secretRef"));
  };
}

export function both(...rules: readonly SourceRule[]): SourceRule {
  return (source, path) => all(...rules.map((rule) => rule(source, path)));
}

const PARTITION_MESSAGE = "must be between 1 and 255, inclusive";

function partition(source: Source, path: string): Causes {
  const value = (source["partition"] as number | undefined) ?? 0;
  const isIn = value >= 0 && value <= 255;
  return isIn ? NONE : [field.invalid(field.child(path, "partition"), value, PARTITION_MESSAGE)];
}

export const gcePersistentDisk: SourceRule = both(requires("pdName"), partition);
export const awsElasticBlockStore: SourceRule = both(requires("volumeID"), partition);

const HOST_PATH_TYPES = [
  "",
  "BlockDevice",
  "CharDevice",
  "Directory",
  "DirectoryOrCreate",
  "File",
  "FileOrCreate",
  "Socket",
];

export function hostPath(source: Source, path: string): Causes {
  const at = field.child(path, "path");
  if (text(source, "path") === "") return [field.required(at)];
  const type = source["type"] as string | undefined;
  return all(noBacksteps(text(source, "path"), at), oneOf(type, HOST_PATH_TYPES, field.child(path, "type")));
}

export function gitRepo(source: Source, path: string): Causes {
  return all(
    requires("repository")(source, path),
    validateDescendingPath(text(source, "directory"), field.child(path, "directory")),
  );
}

export function nfs(source: Source, path: string): Causes {
  const at = field.child(path, "path");
  return all(
    requires("server", "path")(source, path),
    text(source, "path").startsWith("/")
      ? NONE
      : [field.invalid(at, text(source, "path"), "must be an absolute path")],
  );
}

export function local(source: Source, path: string): Causes {
  const at = field.child(path, "path");
  return text(source, "path") === "" ? [field.required(at)] : noBacksteps(text(source, "path"), at);
}

export function flocker(source: Source, path: string): Causes {
  const [name, uuid] = [text(source, "datasetName"), text(source, "datasetUUID")];
  return all(
    name === "" && uuid === ""
      ? [field.required(path, "one of datasetName and datasetUUID is required")]
      : NONE,
    name !== "" && uuid !== ""
      ? [field.invalid(path, "resource", "datasetName and datasetUUID can not be specified simultaneously")]
      : NONE,
    name.includes("/")
      ? [field.invalid(field.child(path, "datasetName"), name, "must not contain '/'")]
      : NONE,
  );
}

export function fc(source: Source, path: string): Causes {
  const [names, ids] = [size(source, "targetWWNs"), size(source, "wwids")];
  const at = field.child(path, "targetWWNs");
  const mixed = "targetWWNs and wwids can not be specified simultaneously";
  return all(
    names === 0 && ids === 0
      ? [field.required(at, "must specify either targetWWNs or wwids, but not both")]
      : NONE,
    names > 0 && ids > 0 ? [field.invalid(at, source["targetWWNs"], mixed)] : NONE,
    names === 0 ? NONE : fcLun(source["lun"] as number | undefined, field.child(path, "lun")),
  );
}

function fcLun(lun: number | undefined, path: string): Causes {
  if (lun === undefined) return [field.required(path, "lun is required if targetWWNs is specified")];
  return field.invalidFor(path, lun, isInRange(lun, 0, 255));
}

const HOST_PORTS_MESSAGE = "must be a host:port pair or multiple pairs separated by commas";
const HOST_PORT = /^(?:[^:[\]]*|\[[^[\]]*\]):[^:[\]]*$/;

export function quobyte(source: Source, path: string): Causes {
  const registry = text(source, "registry");
  const at = field.child(path, "registry");
  const causes =
    registry === ""
      ? [field.required(at, HOST_PORTS_MESSAGE)]
      : byteLength(text(source, "tenant")) >= 65
        ? [
            field.required(
              field.child(path, "tenant"),
              "must be a UUID and may not exceed a length of 64 characters",
            ),
          ]
        : registry
            .split(",")
            .filter((pair) => !HOST_PORT.test(pair))
            .map(() => field.invalid(at, registry, HOST_PORTS_MESSAGE));
  return all(causes, requires("volume")(source, path));
}

const RESERVED_OPTION = /\.(?:kubernetes|k8s)\.io$/;

/** Options in the system's own namespaces are the system's to give. */
export function flexVolume(source: Source, path: string): Causes {
  const options = Object.keys((source["options"] as Source | undefined) ?? {});
  return all(
    requires("driver")(source, path),
    options
      .filter((name) => RESERVED_OPTION.test(`.${name.split("/", 1)[0]!.toLowerCase()}`))
      .map((name) => {
        const at = field.key(field.child(path, "options"), name);
        return field.invalid(at, name, "kubernetes.io and k8s.io namespaces are reserved");
      }),
  );
}

const MANAGED_URIS = [
  "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}",
];
const BLOB_URIS = ["https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd"];

export function azureDisk(source: Source, path: string): Causes {
  const uri = text(source, "diskURI");
  const kind = source["kind"] as string | undefined;
  const at = field.child(path, "diskURI");
  return all(
    requires("diskName", "diskURI")(source, path),
    oneOf(
      source["cachingMode"] as string | undefined,
      ["None", "ReadOnly", "ReadWrite"],
      field.child(path, "cachingMode"),
    ),
    oneOf(kind, ["Dedicated", "Managed", "Shared"], field.child(path, "kind")),
    kind === "Managed" && !uri.startsWith("/subscriptions/")
      ? [field.notSupported(at, uri, MANAGED_URIS)]
      : NONE,
    kind !== undefined && kind !== "Managed" && !uri.startsWith("https://")
      ? [field.notSupported(at, uri, BLOB_URIS)]
      : NONE,
  );
}

export function storageos(secretFields: readonly string[]): SourceRule {
  return (source, path) =>
    all(
      requiredName(isDns1123Label, text(source, "volumeName"), field.child(path, "volumeName")),
      text(source, "volumeNamespace") === ""
        ? NONE
        : obeys(isDns1123Label, text(source, "volumeNamespace"), field.child(path, "volumeNamespace")),
      requiresInSecretRef(...secretFields)(source, path),
    );
}

const DRIVER_BYTES_MAX = 63;

export function validateCsiDriverName(name: string, path: string): Causes {
  if (name === "") return [field.required(path)];
  return all(
    byteLength(name) > DRIVER_BYTES_MAX ? [field.tooLong(path, DRIVER_BYTES_MAX)] : NONE,
    field.invalidFor(path, name, isDns1123Subdomain(name.toLowerCase())),
  );
}
