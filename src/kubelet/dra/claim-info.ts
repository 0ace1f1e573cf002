/** What kubelet knows of a claim that pods of this node use, and of its devices. Pure. @module */
import type { ResourceClaim } from "#api/resource/v1/types.gen";
import type { DraClaim, PreparedDevice } from "./dra-tables.ts";

export interface ClaimInfo {
  readonly uid: string;
  readonly name: string;
  readonly namespace: string;
  /** Pods for which it is prepared, or about to be. */
  readonly podUids: Set<string>;
  /** By driver, also those that give no devices for it. */
  readonly drivers: Map<string, readonly PreparedDevice[]>;
  /** By this kubelet; an earlier one may have, too. */
  isPrepared: boolean;
}

export interface ClaimRef {
  readonly namespace: string;
  readonly name: string;
}

/** Throws when there is nothing to prepare yet. */
export function newClaimInfo({ metadata, status }: ResourceClaim): ClaimInfo {
  const { uid = "", name, namespace = "" } = metadata;
  if (status?.allocation === undefined) throw new Error(`ResourceClaim ${name}: not allocated`);
  const results = status.allocation.devices?.results ?? [];
  const drivers = new Map(results.map(({ driver }) => [driver, []]));
  return { uid, name, namespace, podUids: new Set(), drivers, isPrepared: false };
}

export function claimKey({ namespace, name }: ClaimRef): string {
  return `${namespace}/${name}`;
}

/** As drivers are told of it. */
export function draClaim({ namespace, uid, name }: ClaimInfo): DraClaim {
  return { namespace, uid, name };
}

/** Ids of the CDI devices of one request; "" stands for the whole claim. */
export function cdiDevicesOf({ drivers }: ClaimInfo, request: string): readonly string[] {
  return [...drivers.values()]
    .flat()
    .filter(({ requestNames }) => serves(requestNames, request))
    .flatMap(({ cdiDeviceIds }) => cdiDeviceIds);
}

/** A device that names no requests belongs to all of them. */
export function serves(requestNames: readonly string[], request: string): boolean {
  return request === "" || requestNames.length === 0 || requestNames.includes(request);
}
