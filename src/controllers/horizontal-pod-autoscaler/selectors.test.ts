import assert from "node:assert/strict";
import { test } from "node:test";
import { labels } from "#apimachinery";
import { newPod } from "../testing/objects.ts";
import { ambiguity, TargetSelectors } from "./selectors.ts";

test("TargetSelectors tells of all autoscalers of the same pods, in their own namespace", () => {
  const selectors = new TargetSelectors();
  selectors.put("default/b", labels.parse("app=web"));
  selectors.put("default/a", labels.parse("app"));
  selectors.put("default/c", labels.parse("app=db"));
  selectors.put("other/d", labels.parse("app=web"));
  assert.deepEqual(selectors.selecting("default", [newPod("p")]), ["default/a", "default/b"]);
  assert.deepEqual(selectors.selecting("default", []), []);
  selectors.forget("default/a");
  assert.deepEqual(selectors.selecting("default", [newPod("p")]), ["default/b"]);
});

test("ambiguity() words it as upstream", () => {
  assert.equal(
    ambiguity("app=web", ["default/a", "default/b"]),
    "pods by selector app=web are controlled by multiple HPAs: [{a default} {b default}]",
  );
});
