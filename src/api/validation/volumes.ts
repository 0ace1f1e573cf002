/** Volumes of a pod and their mounts in containers. @module */
import { field, isDns1123Label, parseQuantity, signOf, type ObjectMeta } from "#apimachinery";
import type { Container, KeyToPath, Volume, VolumeDevice, VolumeMount } from "../core/v1/types.gen.ts";
import { all, each, hasBacksteps, NONE, oneOf, requiredName, type Causes } from "./common.ts";
import { validateClaimTemplate } from "./claim-spec.ts";
import { validateDownwardFile, validateKeyToPath, validateMode } from "./volume-files.ts";
import { validateProjected } from "./projected-volume.ts";
import { validateDescendingPath } from "./security-context.ts";
import { REQUIRED_SOURCE_FIELDS } from "./volume-sources.ts";

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

/** The valid volumes by name, which mounts may refer to, and what is wrong with the others. */
export function validateVolumes(
  volumes: readonly Volume[] | undefined,
  meta: Partial<ObjectMeta> | undefined,
  path: string,
): { readonly byName: ReadonlyMap<string, Volume>; readonly causes: Causes } {
  const byName = new Map<string, Volume>();
  const podName = meta?.name ?? "";
  const created = new Set(
    (volumes ?? []).flatMap((v) => (v.ephemeral && podName ? [`${podName}-${v.name}`] : [])),
  );
  const causes = each(volumes, path, (volume, at) => {
    const namePath = field.child(at, "name");
    const own = all(
      validateVolumeSource(volume, at),
      requiredName(isDns1123Label, volume.name, namePath),
      byName.has(volume.name) ? [field.duplicate(namePath, volume.name)] : NONE,
    );
    if (own.length === 0) byName.set(volume.name, volume);
    const claim = volume.persistentVolumeClaim?.claimName;
    if (claim === undefined || !created.has(claim)) return own;
    const message = "must not reference a PVC that gets created for an ephemeral volume";
    return [...own, field.invalid(field.child(at, "persistentVolumeClaim", "claimName"), claim, message)];
  });
  return { byName, causes };
}

function validateVolumeSource(volume: Volume, path: string): Causes {
  const sources = Object.entries(volume).filter(([key, value]) => key !== "name" && value !== undefined);
  const [first, ...more] = sources;
  if (first === undefined) return [field.required(path, "must specify a volume type")];
  return all(
    validateSource(volume, first[0], first[1] as object, path),
    more.map(([key]) => field.forbidden(field.child(path, key), "may not specify more than 1 volume type")),
  );
}

function validateSource(volume: Volume, type: string, source: object, path: string): Causes {
  const at = field.child(path, type);
  switch (type) {
    case "emptyDir":
      return validateEmptyDir(volume.emptyDir!, at);
    case "hostPath":
      return validateHostPath(volume.hostPath!, at);
    case "secret":
      return validateFileSource(volume.secret!, "secretName", volume.secret!.secretName, at);
    case "configMap":
      return validateFileSource(volume.configMap!, "name", volume.configMap!.name, at);
    case "downwardAPI":
      return all(
        validateMode(volume.downwardAPI!.defaultMode, field.child(at, "defaultMode")),
        (volume.downwardAPI!.items ?? []).flatMap((file) => validateDownwardFile(file, at)),
      );
    case "projected":
      return validateProjected(volume.projected!, at);
    case "ephemeral":
      return volume.ephemeral!.volumeClaimTemplate === undefined
        ? [field.required(field.child(at, "volumeClaimTemplate"))]
        : validateClaimTemplate(
            volume.ephemeral!.volumeClaimTemplate,
            field.child(at, "volumeClaimTemplate"),
          );
    default:
      return requiredFields(source, REQUIRED_SOURCE_FIELDS[type] ?? [], at);
  }
}

function requiredFields(source: object, names: readonly string[], path: string): Causes {
  const fields = source as Readonly<Record<string, unknown>>;
  return names
    .filter((name) => isMissing(fields[name]))
    .map((name) => field.required(field.child(path, name)));
}

const isMissing = (value: unknown): boolean =>
  value === undefined || value === "" || (Array.isArray(value) && value.length === 0);

function validateEmptyDir(source: NonNullable<Volume["emptyDir"]>, path: string): Causes {
  if (source.sizeLimit === undefined || signOf(parseQuantity(source.sizeLimit)) >= 0) return NONE;
  return [
    field.forbidden(field.child(path, "sizeLimit"), "SizeLimit field must be a valid resource quantity"),
  ];
}

function validateHostPath(source: NonNullable<Volume["hostPath"]>, path: string): Causes {
  const at = field.child(path, "path");
  if (!source.path) return [field.required(at)];
  return all(
    hasBacksteps(source.path) ? [field.invalid(at, source.path, "must not contain '..'")] : NONE,
    oneOf(source.type, HOST_PATH_TYPES, field.child(path, "type")),
  );
}

interface FileSource {
  readonly defaultMode?: number;
  readonly items?: readonly KeyToPath[];
}

function validateFileSource(
  source: FileSource,
  nameField: string,
  name: string | undefined,
  path: string,
): Causes {
  return all(
    name ? NONE : [field.required(field.child(path, nameField))],
    validateMode(source.defaultMode, field.child(path, "defaultMode")),
    each(source.items, field.child(path, "items"), validateKeyToPath),
  );
}

export function validateVolumeMounts(
  container: Container,
  volumes: ReadonlyMap<string, Volume>,
  path: string,
): Causes {
  const devices = container.volumeDevices ?? [];
  const seen = new Set<string>();
  return each(container.volumeMounts, path, (mount, at) => {
    const pathAt = field.child(at, "mountPath");
    const repeated = seen.has(mount.mountPath);
    seen.add(mount.mountPath);
    const sharesName = devices.some((device) => device.name === mount.name);
    const sharesPath = devices.some((device) => device.devicePath === mount.mountPath);
    return all(
      mount.name ? NONE : [field.required(field.child(at, "name"))],
      volumes.has(mount.name) ? NONE : [field.notFound(field.child(at, "name"), mount.name)],
      mount.mountPath ? NONE : [field.required(pathAt)],
      repeated ? [field.invalid(pathAt, mount.mountPath, "must be unique")] : NONE,
      sharesName
        ? [field.invalid(field.child(at, "name"), mount.name, "must not already exist in volumeDevices")]
        : NONE,
      sharesPath
        ? [field.invalid(pathAt, mount.mountPath, "must not already exist as a path in volumeDevices")]
        : NONE,
      validateSubPaths(mount, at, path),
      validatePropagation(mount, container, path),
    );
  });
}

/** Upstream names the list, not the item, in some of these. */
function validateSubPaths({ subPath = "", subPathExpr = "" }: VolumeMount, at: string, path: string): Causes {
  const both = subPath !== "" && subPathExpr !== "";
  return all(
    subPath === "" ? NONE : validateDescendingPath(subPath, field.child(path, "subPath")),
    both
      ? [
          field.invalid(
            field.child(at, "subPathExpr"),
            subPathExpr,
            "subPathExpr and subPath are mutually exclusive",
          ),
        ]
      : NONE,
    subPathExpr === "" ? NONE : validateDescendingPath(subPathExpr, field.child(path, "subPathExpr")),
  );
}

function validatePropagation(mount: VolumeMount, container: Container, path: string): Causes {
  const { mountPropagation: propagation, recursiveReadOnly: recursive } = mount;
  const at = field.child(path, "mountPropagation");
  const recursiveAt = field.child(path, "recursiveReadOnly");
  const privileged = container.securityContext?.privileged === true;
  const demandsReadOnly = recursive === "Enabled" || recursive === "IfPossible";
  return all(
    oneOf(propagation, ["Bidirectional", "HostToContainer", "None"], at),
    propagation === "Bidirectional" && !privileged
      ? [field.forbidden(at, "Bidirectional mount propagation is available only to privileged containers")]
      : NONE,
    oneOf(recursive, ["Disabled", "Enabled", "IfPossible"], recursiveAt),
    demandsReadOnly && mount.readOnly !== true
      ? [field.forbidden(recursiveAt, "may only be specified when readOnly is true")]
      : NONE,
    demandsReadOnly && propagation !== undefined && propagation !== "None"
      ? [field.forbidden(recursiveAt, "may only be specified when mountPropagation is None or not specified")]
      : NONE,
  );
}

export function validateVolumeDevices(
  container: Container,
  volumes: ReadonlyMap<string, Volume>,
  path: string,
): Causes {
  const mounts = container.volumeMounts ?? [];
  const names = new Set<string>();
  const paths = new Set<string>();
  return each(container.volumeDevices, path, (device, at) => {
    const causes = validateDevice(device, volumes.get(device.name), mounts, { names, paths }, at);
    if (!hasBacksteps(device.devicePath)) paths.add(device.devicePath);
    if (device.name !== "") names.add(device.name);
    return causes;
  });
}

function validateDevice(
  { name, devicePath }: VolumeDevice,
  volume: Volume | undefined,
  mounts: readonly VolumeMount[],
  seen: { readonly names: ReadonlySet<string>; readonly paths: ReadonlySet<string> },
  path: string,
): Causes {
  const namePath = field.child(path, "name");
  const pathAt = field.child(path, "devicePath");
  const isClaim = volume?.persistentVolumeClaim !== undefined || volume?.ephemeral !== undefined;
  const onlyClaims = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode";
  return all(
    name === "" ? [field.required(namePath)] : NONE,
    seen.names.has(name) ? [field.invalid(namePath, name, "must be unique")] : NONE,
    volume !== undefined && !isClaim ? [field.invalid(namePath, name, onlyClaims)] : NONE,
    volume === undefined ? [field.notFound(namePath, name)] : NONE,
    devicePath === "" ? [field.required(pathAt)] : NONE,
    seen.paths.has(devicePath) ? [field.invalid(pathAt, devicePath, "must be unique")] : NONE,
    hasBacksteps(devicePath) ? [field.invalid(pathAt, devicePath, "can not contain backsteps ('..')")] : NONE,
    mounts.some((mount) => mount.name === name)
      ? [field.invalid(namePath, name, "must not already exist in volumeMounts")]
      : NONE,
    mounts.some((mount) => mount.mountPath === devicePath)
      ? [field.invalid(pathAt, devicePath, "must not already exist as a path in volumeMounts")]
      : NONE,
  );
}
