/** What CDI devices ask for, in the words of a container's configuration, for runtimes that know no CDI. Pure. @module */
import type { Device, Mount, MountPropagation } from "#cri";
import type { CdiMount, ContainerEdits, DeviceNode } from "./cdi-spec.ts";

export interface CdiEdits {
  /** Wins over the container's own. */
  readonly env: ReadonlyMap<string, string>;
  readonly devices: readonly Device[];
  /** Take the place of mounts at the same path. */
  readonly mounts: readonly Mount[];
  readonly additionalGids: readonly number[];
}

/** Of a file on the node. */
export interface NodeFile {
  /** `b`, `c`; "" when it is no device. */
  readonly type: string;
  readonly major: number;
  readonly minor: number;
  /** Without the type. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

const PROPAGATION: Readonly<Record<string, MountPropagation>> = {
  private: "PROPAGATION_PRIVATE",
  rprivate: "PROPAGATION_PRIVATE",
  slave: "PROPAGATION_HOST_TO_CONTAINER",
  rslave: "PROPAGATION_HOST_TO_CONTAINER",
  shared: "PROPAGATION_BIDIRECTIONAL",
  rshared: "PROPAGATION_BIDIRECTIONAL",
};
/** A runtime without CDI mounts everything so, or cannot be told of it; no pod's own volume has them either. */
const WITHOUT_EFFECT: ReadonlySet<string> = new Set([
  "bind",
  "rbind",
  "rw",
  "nosuid",
  "nodev",
  "noatime",
  "relatime",
  "nodiratime",
  "strictatime",
]);

/** `file` is asked for what the edits name; undefined: there is no such file. Throws for what cannot be done. */
export function planEdits(
  edits: readonly ContainerEdits[],
  file: (path: string) => NodeFile | undefined,
): CdiEdits {
  const env = new Map<string, string>();
  const devices = new Map<string, Device>();
  const mounts = new Map<string, Mount>();
  const gids = new Set<number>();
  for (const edit of edits) {
    refuse(edit);
    for (const pair of edit.env ?? []) {
      const at = pair.indexOf("=");
      env.set(pair.slice(0, at), pair.slice(at + 1));
    }
    for (const node of edit.deviceNodes ?? []) devices.set(node.path, deviceOf(node, file));
    for (const mount of edit.mounts ?? []) mounts.set(mount.containerPath, mountOf(mount, file));
    for (const gid of edit.additionalGids ?? []) if (gid !== 0) gids.add(gid);
  }
  return {
    env,
    devices: [...devices.values()],
    mounts: [...mounts.values()],
    additionalGids: [...gids],
  };
}

/** Files of the node that the plan asks about. */
export function filesOf(edits: readonly ContainerEdits[]): readonly string[] {
  const paths = edits.flatMap(({ deviceNodes = [], mounts = [] }) => [
    ...deviceNodes.map(hostPathOf),
    ...mounts.map(({ hostPath }) => hostPath),
  ]);
  return [...new Set(paths)];
}

function refuse({ hooks = [], intelRdt, netDevices = [] }: ContainerEdits): void {
  const [hook] = hooks;
  const what =
    hook !== undefined
      ? `the hook ${hook.hookName}`
      : intelRdt !== undefined
        ? "intelRdt"
        : netDevices.length > 0
          ? "netDevices"
          : undefined;
  if (what !== undefined) throw beyond(what);
}

function deviceOf(node: DeviceNode, file: (path: string) => NodeFile | undefined): Device {
  const hostPath = hostPathOf(node);
  const found = file(hostPath);
  if (found === undefined || found.type === "")
    throw new Error(`CDI device injection failed: ${hostPath} is no device of this node`);
  const asked = { ...node, ...(node.type === "u" && { type: "c" }) };
  const facts: readonly (readonly [name: string, asked: string | number | undefined, is: string | number])[] =
    [
      ["type", asked.type === "" ? undefined : asked.type, found.type],
      ["major", asked.major === 0 ? undefined : asked.major, found.major],
      // A device of which the major number is not told has no minor either.
      ["minor", asked.major === undefined || asked.major === 0 ? undefined : asked.minor, found.minor],
      ["fileMode", asked.fileMode === undefined ? undefined : asked.fileMode & 0o7777, found.mode],
      ["uid", asked.uid, found.uid],
      ["gid", asked.gid, found.gid],
    ];
  for (const [name, wanted, is] of facts) {
    if (wanted === undefined || wanted === is) continue;
    const what = `${hostPath} with ${name} ${wanted} (it has ${is})`;
    throw beyond(what);
  }
  const { permissions = "" } = node;
  return { containerPath: node.path, hostPath, permissions: permissions === "" ? "rwm" : permissions };
}

function hostPathOf({ hostPath = "", path }: DeviceNode): string {
  return hostPath === "" ? path : hostPath;
}

function mountOf(mount: CdiMount, file: (path: string) => NodeFile | undefined): Mount {
  const { hostPath, containerPath, options = [], type = "" } = mount;
  if (file(hostPath) === undefined)
    throw new Error(`CDI device injection failed: there is no ${hostPath} on this node`);
  if (type !== "" && type !== "bind" && type !== "none") throw beyond(`a mount of type ${type}`);
  let propagation: MountPropagation = "PROPAGATION_PRIVATE";
  let readonly = false;
  for (const option of options) {
    if (option === "ro") readonly = true;
    else if (PROPAGATION[option] !== undefined) propagation = PROPAGATION[option];
    else if (!WITHOUT_EFFECT.has(option)) throw beyond(`a mount of option ${option}`);
  }
  return { containerPath, hostPath, readonly, propagation };
}

function beyond(what: string): Error {
  return new Error(`CDI device injection failed: ${what} needs a container runtime that applies CDI itself`);
}
