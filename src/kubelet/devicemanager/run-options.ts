/** What a container is made with so that it can use its devices. Pure. @module */
import type { Device, Mount } from "#cri";
import type { CdiEdits } from "../cdi/plan-edits.ts";
import type { ContainerDevices } from "./pod-devices.ts";

export interface DeviceRunOptions {
  readonly envs: ReadonlyMap<string, string>;
  readonly mounts: readonly Mount[];
  readonly devices: readonly Device[];
  readonly annotations: Readonly<Record<string, string>>;
  readonly cdiDevices: readonly { readonly name: string }[];
  /** What CDI devices stand for, where the runtime knows none. */
  readonly cdiEdits?: CdiEdits;
}

/** Undefined: the container holds no devices. Where two plugins disagree the first one wins, and `onConflict` is told. */
export function deviceRunOptions(
  held: ContainerDevices,
  onConflict: (what: string, name: string) => void,
): DeviceRunOptions | undefined {
  if (held.size === 0) return undefined;
  const responses = [...held.values()].map(({ response }) => response);
  const first = <T>(
    what: string,
    items: readonly (readonly [string, string, T])[],
  ): ReadonlyMap<string, T> => {
    const kept = new Map<string, readonly [value: string, item: T]>();
    for (const [name, value, item] of items) {
      const before = kept.get(name);
      if (before === undefined) kept.set(name, [value, item]);
      else if (before[0] !== value) onConflict(what, name);
    }
    return new Map([...kept].map(([name, [, item]]) => [name, item]));
  };
  const devices = responses.flatMap((response) => response.devices);
  const mounts = responses.flatMap((response) => response.mounts);
  return {
    envs: first("environment variable", texts(responses.map(({ envs }) => envs))),
    devices: [
      ...first(
        "device",
        devices.map((device) => [device.containerPath, device.hostPath, device]),
      ).values(),
    ],
    mounts: [
      ...first(
        "mount",
        mounts.map(({ containerPath, hostPath, readOnly }) => [
          containerPath,
          hostPath,
          { containerPath, hostPath, readonly: readOnly, propagation: "PROPAGATION_PRIVATE" } as const,
        ]),
      ).values(),
    ],
    annotations: Object.fromEntries(
      first("annotation", texts(responses.map(({ annotations }) => annotations))),
    ),
    cdiDevices: [...new Set(responses.flatMap((r) => r.cdiDevices.map(({ name }) => name)))].map((name) => ({
      name,
    })),
  };
}

function texts(
  maps: readonly Readonly<Record<string, string>>[],
): readonly (readonly [name: string, value: string, item: string])[] {
  return maps.flatMap((map) => Object.entries(map).map(([key, value]) => [key, value, value] as const));
}
