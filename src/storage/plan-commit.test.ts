import assert from "node:assert/strict";
import { test } from "node:test";
import { planCommit } from "./plan-commit.ts";
import { RevisionConflict, type Entry, type Write } from "./store.ts";

const value = Buffer.from("v");
const stored: Entry = { key: "/a", value, revision: 4 };
const put = (key: string, ifRevision: number): Write => ({ key, value, ifRevision });
const remove = (key: string, ifRevision: number): Write => ({ key, value: undefined, ifRevision });

const cases: readonly [string, Write[][], (number | "conflict")[], number][] = [
  ["two creations of one key", [[put("/b", 0)], [put("/b", 0)]], [10, "conflict"], 10],
  ["an update of what an earlier commit wrote", [[put("/b", 0)], [put("/b", 10)]], [10, 11], 11],
  ["creation after deletion in the same batch", [[remove("/a", 4)], [put("/a", 0)]], [10, 11], 11],
  [
    "a conflict between two good commits",
    [[put("/b", 0)], [put("/a", 3)], [put("/c", 0)]],
    [10, "conflict", 11],
    11,
  ],
  [
    "a conflict in the second write undoes the first",
    [[put("/b", 0), put("/a", 1)], [put("/b", 0)]],
    ["conflict", 10],
    10,
  ],
  ["a delete of nothing", [[remove("/none", 0)]], [9], 9],
];

for (const [name, commits, outcomes, revision] of cases)
  test(`planCommit() decides ${name}`, () => {
    const plan = planCommit(commits, (key) => (key === "/a" ? stored : undefined), 9);
    const got = plan.outcomes.map((o) => (o instanceof RevisionConflict ? "conflict" : o));
    assert.deepEqual([got, plan.revision], [outcomes, revision]);
    assert.equal(new Set(plan.changes.map((c) => c.revision)).size, revision - 9);
  });
