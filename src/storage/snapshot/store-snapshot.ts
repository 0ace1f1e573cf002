/** Snapshots of stores that answer for themselves: etcd, and any store of this process. @module */
import type { Entry, Revision, Store } from "../store.ts";
import type { SnapshotSource } from "./snapshot-file.ts";

const PAGE_ENTRIES = 500;
/** As many as any backend takes at once. */
const COMMIT_ENTRIES = 100;
const COMMIT_BYTES_MAX = 2 ** 20;

/** Everything as it is now, read page by page at one revision. */
export async function storeSnapshot(store: Store): Promise<SnapshotSource> {
  const revision = await store.revision();
  return { revision, entries: pages(store, revision) };
}

async function* pages(store: Store, revision: Revision): AsyncGenerator<readonly Entry[], void> {
  let startAfter: string | undefined;
  for (;;) {
    const { entries, remaining } = await store.range({
      prefix: "",
      revision,
      limit: PAGE_ENTRIES,
      ...(startAfter !== undefined && { startAfter }),
    });
    if (entries.length > 0) yield entries;
    startAfter = entries.at(-1)?.key;
    if (remaining === 0 || startAfter === undefined) return;
  }
}

/** Writes the entries into an empty store; they get new revisions. Throws when the store holds something. */
export async function fillStore(store: Store, entries: AsyncIterable<readonly Entry[]>): Promise<void> {
  const { entries: present } = await store.range({ prefix: "", limit: 1 });
  if (present.length > 0) throw new Error("a snapshot is restored into an empty store only");
  for await (const batch of entries) {
    for (const part of parts(batch)) {
      await store.commit(part.map(({ key, value }) => ({ key, value, ifRevision: 0 })));
    }
  }
}

function* parts(entries: readonly Entry[]): Generator<readonly Entry[]> {
  let part: Entry[] = [];
  let bytes = 0;
  for (const entry of entries) {
    const isFull = part.length === COMMIT_ENTRIES || bytes + entry.value.byteLength > COMMIT_BYTES_MAX;
    if (isFull && part.length > 0) {
      yield part;
      part = [];
      bytes = 0;
    }
    part.push(entry);
    bytes += entry.value.byteLength;
  }
  if (part.length > 0) yield part;
}
