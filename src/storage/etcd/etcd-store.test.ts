import assert from "node:assert/strict";
import { test } from "node:test";
import { tellsProgressInOrder } from "./etcd-store.ts";

test("tellsProgressInOrder() is true from 3.4.31 and 3.5.13 on", () => {
  const cases = {
    "3.4.23": false,
    "3.4.31": true,
    "3.5.0": false,
    "3.5.12": false,
    "3.5.13": true,
    "3.6.0-rc.1": true,
    "4.0.0": true,
  };
  for (const [version, want] of Object.entries(cases))
    assert.equal(tellsProgressInOrder(version), want, version);
});
