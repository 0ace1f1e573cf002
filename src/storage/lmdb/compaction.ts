/** Deletes old history in small transactions, so that neither readers nor writers wait for it. @module */
import { setImmediate } from "node:timers/promises";
import type { Revision } from "../store.ts";
import { META_SIZE, type Environment } from "./environment.ts";
import { decodeLogRecord, type LogItem } from "./log-record.ts";

/** Log records of one transaction. */
const SLICE_RECORDS = 64;
/** Changes of one transaction, but for one record's: what a transaction of commits may have, too. */
const SLICE_ITEMS = 500;

/**
 * First notes durably that the history is gone, then deletes it. A crash in between leaves rubbish that the next
 * compaction takes away, since it always begins at the oldest record.
 */
export async function compactHistory(env: Environment, revision: Revision): Promise<void> {
  await env.write(META_SIZE, () => void env.meta.put("compacted", revision));
  for (;;) {
    const { records, items } = oldest(env, revision);
    if (records.length === 0) return;
    await env.write({ writes: items.length + records.length, bytes: 0 }, () => {
      for (const item of items)
        if (item.type !== "create") void env.history.remove([item.key, item.revision]);
      for (const key of records) void env.log.remove(key);
    });
    await setImmediate();
  }
}

interface Slice {
  readonly records: readonly Revision[];
  readonly items: readonly LogItem[];
}

/** A record that reaches beyond the revision is still needed, and so are those after it. */
function oldest(env: Environment, revision: Revision): Slice {
  const records: Revision[] = [];
  const items: LogItem[] = [];
  for (const { key, value } of env.log.getRange({ end: revision + 1, limit: SLICE_RECORDS })) {
    const found = decodeLogRecord(value);
    if (records.length > 0 && items.length + found.length > SLICE_ITEMS) break;
    records.push(key);
    items.push(...found);
  }
  return { records, items };
}
