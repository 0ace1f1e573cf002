/** Deletes old history in small transactions, so that neither readers nor writers wait for it. @module */
import { setImmediate } from "node:timers/promises";
import type { Revision } from "../store.ts";
import type { Environment } from "./environment.ts";
import { decodeLogRecord } from "./log-record.ts";

/** Log records of one transaction. */
const SLICE_RECORDS = 64;

/**
 * First notes durably that the history is gone, then deletes it. A crash in between leaves rubbish that the next
 * compaction takes away, since it always begins at the oldest record.
 */
export async function compactHistory(env: Environment, revision: Revision): Promise<void> {
  await env.write(() => void env.meta.put("compacted", revision));
  for (;;) {
    // A record that reaches beyond the revision is still needed, and so are those after it.
    const records = [...env.log.getRange({ end: revision + 1, limit: SLICE_RECORDS })];
    if (records.length === 0) return;
    await env.write(() => {
      for (const { key, value } of records) {
        for (const item of decodeLogRecord(value))
          if (item.type !== "create") void env.history.remove([item.key, item.revision]);
        void env.log.remove(key);
      }
    });
    await setImmediate();
  }
}
