import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { planRotation } from "./plan-rotation.ts";

function list(text: string): readonly string[] {
  return text === "" ? [] : text.split(" ");
}

suite("planRotation", () => {
  const cases: readonly [what: string, names: string, filesMax: number, remove: string, compress: string][] =
    [
      ["compresses what is not compressed yet", "0.log.1.gz 0.log.2", 5, "", "0.log.2"],
      [
        "removes the oldest, so that with the new one there are enough",
        "0.log.3 0.log.1.gz 0.log.2.gz 0.log.4",
        5,
        "0.log.1.gz",
        "0.log.3 0.log.4",
      ],
      [
        "keeps no rotated file beside the new one when there may be two",
        "0.log.1 0.log.2",
        2,
        "0.log.1 0.log.2",
        "",
      ],
      ["removes what a crash has left", "0.log.1.tmp 0.log.2 0.log.2.gz", 5, "0.log.1.tmp 0.log.2", ""],
      ["has nothing to do at first", "", 5, "", ""],
    ];
  for (const [what, names, filesMax, remove, compress] of cases)
    test(`planRotation ${what}`, () =>
      assert.deepEqual(planRotation(["0.log", "1.log.1", ...list(names)], "0.log", filesMax), {
        remove: list(remove),
        compress: list(compress),
      }));
});
