/**
 * A cluster's bridge. Its name stands for its range, and the kernel makes an interface of a name once: so of clusters that
 * start at the same moment, from whatever home, each range goes to one. The bridge's hardware address says to which.
 * @module
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, readlinkSync } from "node:fs";
import { basename } from "node:path";
import { tryCommand } from "#component-base";
import type { Profile } from "../profile.ts";

export type Network = NonNullable<Profile["network"]>;

/** Of a range `192.168.THIRD.0/24`; interface names hold 15 bytes. */
export function bridgeName(third: number): string {
  return `k8ts-net${third}`;
}

/** The hardware address, administered by ourselves, of the bridge of that profile under that home. */
export function bridgeOwner(home: string, profile: string): string {
  const digest = createHash("sha256").update(`${home}\0${profile}`).digest("hex");
  return ["02", ...digest.slice(0, 10).match(/../g)!].join(":");
}

/** Nobody has it, or this cluster itself. */
export function isClaimable(network: Network): boolean {
  return !existsSync(folder(network)) || isOwn(network);
}

/** Makes the bridge unless it is there. False: another cluster has it. */
export async function claimBridge(network: Network, signal: AbortSignal): Promise<boolean> {
  const { bridge, owner } = network;
  if (!existsSync(folder(network))) {
    const address = owner === undefined ? [] : ["address", owner];
    const { code, stderr } = await tryCommand(
      ["ip", "link", "add", bridge, ...address, "type", "bridge"],
      {},
      signal,
    );
    if (code !== 0 && !existsSync(folder(network)))
      throw new Error(`Making the bridge ${bridge} failed: ${stderr.trim()}`);
  }
  return isOwn(network);
}

/** Removes the bridge if it is this cluster's. */
export async function releaseBridge(network: Network, signal: AbortSignal): Promise<void> {
  const { bridge } = network;
  if (!existsSync(folder(network)) || !isOwn(network)) return;
  const { code, stderr } = await tryCommand(["ip", "link", "del", bridge], {}, signal);
  if (code !== 0 && existsSync(folder(network)))
    throw new Error(`Removing the bridge ${bridge} failed: ${stderr.trim()}`);
}

/** The bridge that the interface is a port of; undefined when there is no such interface. */
export function bridgeOfPort(name: string): string | undefined {
  const master = `/sys/class/net/${name}/master`;
  return existsSync(master) ? basename(readlinkSync(master)) : undefined;
}

/** A profile chosen and claimed: chosen anew while others are faster. Each that is gives `make` one range less to choose. */
export async function claimAddresses(make: () => Promise<Profile>, signal: AbortSignal): Promise<Profile> {
  for (;;) {
    const profile = await make();
    if (profile.network === undefined || (await claimBridge(profile.network, signal))) return profile;
  }
}

/** Bridges of clusters that were made before bridges had owners bear a name of their own. */
function isOwn({ bridge, owner }: Network): boolean {
  if (owner === undefined) return true;
  try {
    return readFileSync(`/sys/class/net/${bridge}/address`, "utf8").trim() === owner;
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === "ENOENT") return false; // removed meanwhile
    throw err;
  }
}

function folder({ bridge }: Network): string {
  return `/sys/class/net/${bridge}`;
}
