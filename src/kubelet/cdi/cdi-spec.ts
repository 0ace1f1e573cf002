/** A file of the Container Device Interface: what a container gets with a device. Pure. @module */

/** CDI names devices `vendor.com/class=name`. */
export interface CdiSpec {
  readonly cdiVersion: string;
  /** `vendor.com/class`. */
  readonly kind: string;
  readonly devices: readonly { readonly name: string; readonly containerEdits: ContainerEdits }[];
  /** With the first device of the file. */
  readonly containerEdits?: ContainerEdits;
}

export interface ContainerEdits {
  /** `NAME=value`. */
  readonly env?: readonly string[];
  readonly deviceNodes?: readonly DeviceNode[];
  readonly mounts?: readonly CdiMount[];
  readonly hooks?: readonly { readonly hookName: string }[];
  readonly additionalGids?: readonly number[];
  readonly intelRdt?: object;
  readonly netDevices?: readonly object[];
}

export interface DeviceNode {
  readonly path: string;
  /** Default: `path`. */
  readonly hostPath?: string;
  readonly type?: string;
  readonly major?: number;
  readonly minor?: number;
  readonly fileMode?: number;
  readonly permissions?: string;
  readonly uid?: number;
  readonly gid?: number;
}

export interface CdiMount {
  readonly hostPath: string;
  readonly containerPath: string;
  readonly options?: readonly string[];
  readonly type?: string;
}

const VERSION = /^v?(?:0\.[3-8]|1\.[01])\.0$/u;
const KIND = /^[A-Za-z](?:[\w.-]*[A-Za-z0-9])?\/[A-Za-z](?:[\w.-]*[A-Za-z0-9])?$/u;
const DEVICE_NAME = /^[A-Za-z0-9](?:[\w.:-]*[A-Za-z0-9])?$/u;
const EDITS: ReadonlySet<string> = new Set([
  "env",
  "deviceNodes",
  "mounts",
  "hooks",
  "additionalGids",
  "intelRdt",
  "netDevices",
]);

/** `value` is the parsed file. Throws with what is wrong. */
export function cdiSpec(value: unknown): CdiSpec {
  const { cdiVersion, kind, devices, containerEdits } = recordOf(value, "the specification");
  if (typeof cdiVersion !== "string" || !VERSION.test(cdiVersion))
    throw new Error(`unsupported CDI version ${JSON.stringify(cdiVersion)}`);
  if (typeof kind !== "string" || !KIND.test(kind)) throw new Error(`invalid kind ${JSON.stringify(kind)}`);
  if (!Array.isArray(devices) || devices.length === 0) throw new Error("invalid spec, no devices");
  const names = new Set<string>();
  for (const device of devices) {
    const { name, containerEdits: edits } = recordOf(device, "a device");
    if (typeof name !== "string" || !DEVICE_NAME.test(name))
      throw new Error(`invalid device name ${JSON.stringify(name)}`);
    if (names.has(name)) throw new Error(`multiple devices ${JSON.stringify(name)}`);
    names.add(name);
    checkEdits(edits);
  }
  if (containerEdits !== undefined) checkEdits(containerEdits);
  return value as CdiSpec;
}

function checkEdits(value: unknown): void {
  const edits = recordOf(value, "containerEdits");
  for (const [name, item] of Object.entries(edits)) {
    if (!EDITS.has(name)) throw new Error(`unknown field containerEdits.${name}`);
    if (name !== "intelRdt" && !Array.isArray(item)) throw new Error(`containerEdits.${name} is no list`);
  }
  const { env = [], deviceNodes = [], mounts = [], additionalGids = [] } = edits as ContainerEdits;
  for (const one of env)
    if (typeof one !== "string" || one.indexOf("=") < 1) throw new Error("invalid environment variable");
  for (const { path } of deviceNodes)
    if (typeof path !== "string" || path === "") throw new Error("invalid (empty) device path");
  for (const { hostPath, containerPath } of mounts)
    if (!hostPath || !containerPath) throw new Error("invalid mount, empty host or container path");
  for (const gid of additionalGids)
    if (!Number.isInteger(gid) || gid < 0) throw new Error(`invalid group ${JSON.stringify(gid)}`);
}

function recordOf(value: unknown, what: string): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw new Error(`${what} is no object`);
}
