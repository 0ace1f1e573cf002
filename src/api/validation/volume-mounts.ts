/** Volumes and devices as they are mounted in containers. @module */
import { field } from "#apimachinery";
import type { Container, Volume, VolumeDevice, VolumeMount } from "../core/v1/types.gen.ts";
import { all, each, hasBacksteps, NONE, oneOf, type Causes } from "./common.ts";
import { validateDescendingPath } from "./paths.ts";

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
