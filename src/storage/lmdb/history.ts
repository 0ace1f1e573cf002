/** Reading the past from the log on disk: changes after a revision, and ranges as they were. @module */
import { setImmediate } from "node:timers/promises";
import type { Transaction } from "lmdb";
import type { HistorySlice } from "../change-ring.ts";
import { compareKeys, prefixEnd, startOf } from "../keys.ts";
import {
  Compacted,
  FutureRevision,
  type Change,
  type Entry,
  type Range,
  type RangeOptions,
  type Revision,
} from "../store.ts";
import type { Environment } from "./environment.ts";
import { decodeLogRecord, type LogItem } from "./log-record.ts";

/** Log records, or entries, read before other work gets its turn. */
const SLICE_RECORDS = 64;
const SLICE_ENTRIES = 500;

/** The changes of the next few transactions after `from`, with their values. */
export function readLog(env: Environment, prefix: string, from: Revision): HistorySlice {
  const compacted = env.meta.get("compacted") ?? 0;
  if (from < compacted) throw new Compacted(from, compacted);
  const changes: Change[] = [];
  let through = from;
  for (const { key, value } of env.log.getRange({ start: from + 1, limit: SLICE_RECORDS })) {
    through = key;
    for (const item of decodeLogRecord(value))
      if (item.revision > from && item.key.startsWith(prefix)) changes.push(toChange(env, item));
  }
  return { changes, through };
}

function toChange(env: Environment, { key, revision, type }: LogItem): Change {
  const previous = type === "create" ? undefined : entryBefore(env, key, revision);
  return { key, revision, value: type === "delete" ? undefined : valueSince(env, key, revision), previous };
}

function entryBefore(env: Environment, key: string, revision: Revision, transaction?: Transaction): Entry {
  const found = env.history.getEntry([key, revision], transaction && { transaction });
  if (found === undefined)
    throw new Error(`the store has lost what stood before revision ${revision} of ${key}`);
  return { key, value: found.value, revision: found.version! };
}

/** The value written at `revision`: what the next change of the key replaced, or what still stands. */
function valueSince(env: Environment, key: string, revision: Revision): Buffer {
  const options = {
    start: [key, revision + 1],
    end: [key, Number.MAX_SAFE_INTEGER],
    versions: true,
    limit: 1,
  };
  for (const { value, version } of env.history.getRange(options)) if (version === revision) return value;
  const entry = env.data.getEntry(key);
  if (entry?.version !== revision) throw new Error(`the store has lost revision ${revision} of ${key}`);
  return entry.value;
}

/** A range at one revision, read from one snapshot, yielding between slices. */
export async function readRange(env: Environment, options: RangeOptions): Promise<Range> {
  const transaction = env.snapshot();
  try {
    const latest = env.meta.get("revision", { transaction }) ?? 0;
    const compacted = env.meta.get("compacted", { transaction }) ?? 0;
    const revision = options.revision ?? latest;
    if (revision > latest) throw new FutureRevision(revision, latest);
    if (revision < compacted) throw new Compacted(revision, compacted);
    const after = startOf(options);
    const undo =
      revision === latest
        ? new Map<string, LogItem>()
        : await changedSince(env, options, revision, transaction);
    return { ...(await collect(env, options, after, undo, transaction)), revision };
  } finally {
    transaction.done();
  }
}

/** The first change after the revision of every key in the range. */
async function changedSince(
  env: Environment,
  options: RangeOptions,
  revision: Revision,
  transaction: Transaction,
): Promise<Map<string, LogItem>> {
  const after = startOf(options);
  const first = new Map<string, LogItem>();
  for (let next = revision + 1; ;) {
    const records = [...env.log.getRange({ start: next, limit: SLICE_RECORDS, transaction })];
    for (const item of records.flatMap(({ value }) => decodeLogRecord(value))) {
      if (item.revision <= revision || !item.key.startsWith(options.prefix) || first.has(item.key)) continue;
      if (after === undefined || compareKeys(item.key, after) > 0) first.set(item.key, item);
    }
    if (records.length < SLICE_RECORDS) return first;
    next = records.at(-1)!.key + 1;
    await setImmediate();
  }
}

async function collect(
  env: Environment,
  { prefix, limit = Infinity }: RangeOptions,
  after: string | undefined,
  undo: ReadonlyMap<string, LogItem>,
  transaction: Transaction,
): Promise<Omit<Range, "revision">> {
  const entries: Entry[] = [];
  const end = prefixEnd(prefix);
  const bounds = { ...(end !== undefined && { end }), transaction };
  const take = ({ key, revision }: LogItem): void =>
    void entries.push(entryBefore(env, key, revision, transaction));
  const isNow = (key: string): boolean =>
    env.data.getKeysCount({ start: key, limit: 1, end: key, inclusiveEnd: true, transaction }) > 0;
  /** Those that stood then and stand no more: to be merged in. */
  const gone = [...undo.values()]
    .filter((item) => item.type !== "create" && !isNow(item.key))
    .toSorted((a, b) => compareKeys(a.key, b.key));
  let g = 0;
  let last = after;
  for (let more = true; more && entries.length < limit;) {
    const start = last === undefined ? { start: prefix } : { start: last, exclusiveStart: true };
    const wanted = Math.min(SLICE_ENTRIES, limit - entries.length);
    const slice = [...env.data.getRange({ ...bounds, ...start, limit: wanted, versions: true })];
    for (const { key, value, version } of slice) {
      for (; g < gone.length && entries.length < limit && compareKeys(gone[g]!.key, key) < 0; g++)
        take(gone[g]!);
      if (entries.length === limit) break;
      last = key;
      const changed = undo.get(key);
      if (changed === undefined) entries.push({ key, value, revision: version! });
      else if (changed.type !== "create") take(changed);
    }
    more = slice.length === wanted;
    if (more && entries.length < limit) await setImmediate();
  }
  for (; g < gone.length && entries.length < limit; g++) take(gone[g]!);
  return { entries, remaining: entries.length < limit ? 0 : remaining(entries.at(-1)?.key ?? after) };

  /** What lies behind the last entry: what is there now, plus what is gone, minus what came later. */
  function remaining(from: string | undefined): number {
    const start = from === undefined ? { start: prefix } : { start: from, exclusiveStart: true };
    let count = env.data.getKeysCount({ ...bounds, ...start }) + (gone.length - g);
    for (const item of undo.values())
      if (
        item.type === "create" &&
        isNow(item.key) &&
        (from === undefined || compareKeys(item.key, from) > 0)
      )
        count--;
    return count;
  }
}
