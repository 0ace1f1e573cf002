/** Decides which of several commits go through, in order, each seeing the ones before it. Pure. @module */
import { RevisionConflict, type Change, type Entry, type Revision, type Write } from "./store.ts";

export interface CommitPlan {
  /** One per commit: the revision it resolves with, or why it is refused. */
  readonly outcomes: readonly (Revision | RevisionConflict)[];
  /** Of all commits that go through, in order. */
  readonly changes: readonly Change[];
  /** The revision after them. */
  readonly revision: Revision;
}

/** `read` gives the state before the first commit, at `revision`. */
export function planCommit(
  commits: readonly (readonly Write[])[],
  read: (key: string) => Entry | undefined,
  revision: Revision,
): CommitPlan {
  const changed = new Map<string, Entry | undefined>();
  const current = (key: string): Entry | undefined => (changed.has(key) ? changed.get(key) : read(key));
  const changes: Change[] = [];
  const outcomes = commits.map((writes) => {
    const before = writes.map(({ key }) => current(key));
    for (const [i, { key, ifRevision }] of writes.entries()) {
      const actual = before[i]?.revision ?? 0;
      if (actual !== ifRevision) return new RevisionConflict(key, ifRevision, actual);
    }
    const next = revision + 1;
    for (const [i, { key, value }] of writes.entries()) {
      const previous = before[i];
      if (value === undefined && previous === undefined) continue;
      changes.push({ key, revision: next, value, previous });
      changed.set(key, value && { key, value, revision: next });
      revision = next;
    }
    return revision;
  });
  return { outcomes, changes, revision };
}
