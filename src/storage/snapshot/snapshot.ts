/** Saving and restoring what a cluster has stored. @module */
import { existsSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { openEtcdStore } from "../etcd/open-etcd-store.ts";
import { createLmdbStore, lmdbRevision, lockLmdbStore, openLmdbSnapshot } from "../lmdb/lmdb-snapshot.ts";
import type { Store } from "../store.ts";
import {
  readSnapshot,
  verifySnapshot,
  writeSnapshot,
  type SnapshotFacts,
  type SnapshotManifest,
} from "./snapshot-file.ts";
import { fillStore, storeSnapshot } from "./store-snapshot.ts";

/** Where a cluster keeps its state. */
export type StoreLocation =
  /** Folder of the embedded store. */
  { readonly dataDir: string } | { readonly etcdEndpoints: readonly string[] };

/** Consistent, also while a server writes. */
export async function saveSnapshot(
  location: StoreLocation,
  path: string,
  facts: SnapshotFacts,
): Promise<SnapshotManifest> {
  if ("dataDir" in location) {
    await using snapshot = await openLmdbSnapshot(location.dataDir);
    return await writeSnapshot(path, snapshot, facts);
  }
  return withEtcd(location.etcdEndpoints, async (store) =>
    writeSnapshot(path, await storeSnapshot(store), facts),
  );
}

export interface Restored {
  readonly manifest: SnapshotManifest;
  /** Where what was there before is kept; undefined when there was nothing. */
  readonly kept: string | undefined;
}

/**
 * Replaces the embedded store, which no server may have open, or fills an empty etcd. `suffix` names the folder in which
 * what was there is kept. Throws `SnapshotCorrupt` before anything is changed.
 */
export async function restoreSnapshot(
  location: StoreLocation,
  path: string,
  suffix: string,
): Promise<Restored> {
  const manifest = await verifySnapshot(path);
  if (!("dataDir" in location)) {
    await withEtcd(location.etcdEndpoints, (store) => fillStore(store, readSnapshot(path)));
    return { manifest, kept: undefined };
  }
  return { manifest, kept: await replaceLmdb(location.dataDir, path, manifest, suffix) };
}

async function replaceLmdb(
  dataDir: string,
  path: string,
  manifest: SnapshotManifest,
  suffix: string,
): Promise<string | undefined> {
  const draft = `${dataDir}.restoring`;
  const kept = `${dataDir}.${suffix}`;
  const hadStore = existsSync(dataDir);
  const unlock = hadStore ? lockLmdbStore(dataDir) : undefined;
  try {
    await rm(draft, { recursive: true, force: true });
    const revision = Math.max(manifest.revision, await lmdbRevision(dataDir)) + 1;
    await createLmdbStore(draft, readSnapshot(path), revision);
    if (hadStore) await rename(dataDir, kept);
    await rename(draft, dataDir);
    if (hadStore) await rm(`${kept}/lock`, { force: true });
    return hadStore ? kept : undefined;
  } finally {
    // Of the folder that was there: the new one has a lock of its own once it is opened.
    if (!existsSync(kept)) unlock?.();
  }
}

async function withEtcd<T>(endpoints: readonly string[], run: (store: Store) => Promise<T>): Promise<T> {
  const store = await openEtcdStore({ endpoints });
  try {
    return await run(store);
  } finally {
    await store.close();
  }
}
