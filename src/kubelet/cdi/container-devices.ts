/** What a container gets with its devices: those of device plugins, and the CDI devices of its claims and of plugins. @module */
import { stat } from "node:fs/promises";
import type { Container, Pod } from "#api/core/v1/types.gen";
import type { RuntimeService } from "#cri";
import type { DeviceRunOptions } from "../devicemanager/run-options.ts";
import { findDevices } from "./cdi-registry.ts";
import { filesOf, type CdiEdits, type NodeFile, planEdits } from "./plan-edits.ts";
import { runtimeAppliesCdi } from "./runtime-support.ts";

export interface ContainerDevices {
  /** Before each start of a container; undefined: it has no devices. Throws when it cannot have them. */
  runOptions(pod: Pod, container: Container, signal: AbortSignal): Promise<DeviceRunOptions | undefined>;
}

export interface ContainerDevicesOptions {
  readonly runtime: Pick<RuntimeService, "version" | "status">;
  readonly devicePlugins: ContainerDevices;
  /** Ids of the CDI devices that a container has by claims. */
  readonly claimed: (pod: Pod, container: Container) => readonly string[];
  /** Default: CDI's own. */
  readonly specDirs?: readonly string[];
}

const NOTHING: DeviceRunOptions = {
  envs: new Map(),
  mounts: [],
  devices: [],
  annotations: {},
  cdiDevices: [],
};

export function newContainerDevices(options: ContainerDevicesOptions): ContainerDevices {
  const { runtime, devicePlugins, claimed, specDirs } = options;
  return {
    async runOptions(pod, container, signal) {
      const ids = claimed(pod, container);
      const own = await devicePlugins.runOptions(pod, container, signal);
      const names = [...new Set([...ids, ...(own?.cdiDevices ?? []).map(({ name }) => name)])];
      if (names.length === 0) return own;
      const given = own ?? NOTHING;
      if (await runtimeAppliesCdi(runtime, signal))
        return { ...given, cdiDevices: names.map((name) => ({ name })) };
      return { ...given, cdiDevices: [], cdiEdits: await editsOf(names, specDirs) };
    },
  };
}

async function editsOf(names: readonly string[], specDirs: readonly string[] | undefined): Promise<CdiEdits> {
  const edits = await findDevices(names, specDirs);
  const files = new Map<string, NodeFile>();
  for (const path of filesOf(edits)) {
    const found = await nodeFile(path);
    if (found !== undefined) files.set(path, found);
  }
  return planEdits(edits, (path) => files.get(path));
}

async function nodeFile(path: string): Promise<NodeFile | undefined> {
  try {
    const info = await stat(path, { bigint: true });
    const type = info.isCharacterDevice() ? "c" : info.isBlockDevice() ? "b" : "";
    const { rdev } = info;
    return {
      type,
      // As the C library takes a device number apart.
      major: Number(((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & 0xfffff000n)),
      minor: Number((rdev & 0xffn) | ((rdev >> 12n) & 0xffffff00n)),
      mode: Number(info.mode) & 0o7777,
      uid: Number(info.uid),
      gid: Number(info.gid),
    };
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw err;
  }
}
