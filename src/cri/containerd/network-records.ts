/**
 * libcni's records of what it has set up, which all nodes of a machine keep in one folder. A node whose runtime was killed
 * leaves some: of sandboxes that it had, and of those that it was making and has no other trace of.
 * @module
 */
import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";

/** Where libcni keeps them, unless a plugin's configuration says otherwise. */
export const CNI_CACHE_DIR = "/var/lib/cni/results";
/** A record is about a kilobyte, and it is somebody else's folder. */
const RECORDS_PARALLEL = 16;

export interface NetworkRecord {
  readonly containerId: string;
  /** Network namespaces that it leads to. */
  readonly namespaces: readonly string[];
}

export interface NetworkOwner {
  /** Ids of sandboxes that are known otherwise. */
  readonly sandboxes: ReadonlySet<string>;
  /** The network namespaces of pods are below these. */
  readonly folders: readonly string[];
}

/** Call when nothing sets up networks for that owner any more. Other nodes' records stay. */
export async function forgetNetworks(owner: NetworkOwner, dir: string = CNI_CACHE_DIR): Promise<void> {
  const records = new Map<string, NetworkRecord | undefined>();
  const names = await readdir(dir).catch(() => []);
  for (let at = 0; at < names.length; at += RECORDS_PARALLEL) {
    const read = names.slice(at, at + RECORDS_PARALLEL).map(async (name) => {
      records.set(name, parseRecord(await readFile(join(dir, name), "utf8").catch(() => "")));
    });
    await Promise.all(read);
  }
  for (const name of ownRecords(records, owner)) await rm(join(dir, name), { force: true });
}

/**
 * By file name, which holds the container's id. Not each record names a namespace, and one that was being written may be
 * empty: another of the same container speaks for it.
 */
export function ownRecords(
  records: ReadonlyMap<string, NetworkRecord | undefined>,
  { sandboxes, folders }: NetworkOwner,
): readonly string[] {
  const isOurs = (path: string): boolean => folders.some((folder) => path.startsWith(`${folder}/`));
  const leadHere = [...records.values()].flatMap((record) =>
    record?.namespaces.some(isOurs) === true ? record.containerId : [],
  );
  const ids = [...new Set([...sandboxes, ...leadHere])];
  return [...records.keys()].filter((name) => ids.some((id) => name.includes(`-${id}-`)));
}

/** Undefined: not a record. `netns` came with libcni 1.3; before, the interfaces of the result tell. */
export function parseRecord(text: string): NetworkRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined; // half-written, or another's file
  }
  const { kind, containerId, netns, result } = (value ?? {}) as {
    readonly kind?: unknown;
    readonly containerId?: unknown;
    readonly netns?: unknown;
    readonly result?: { readonly interfaces?: readonly ({ readonly sandbox?: unknown } | undefined)[] };
  };
  if (kind !== "cniCacheV1" || typeof containerId !== "string" || containerId === "") return undefined;
  const interfaces = Array.isArray(result?.interfaces) ? result.interfaces : [];
  const paths = [netns, ...interfaces.map((one) => one?.sandbox)];
  return { containerId, namespaces: paths.filter((path) => typeof path === "string") };
}
