import assert from "node:assert/strict";
import { test } from "node:test";
import { sortPodIPs } from "./sort-pod-ips.ts";

test("sortPodIPs begins with the node's primary family, and has one address of each", () => {
  const ips = ["10.244.0.5", "fd00::5", "10.9.0.5"];
  assert.deepEqual(sortPodIPs(ips, ["192.0.2.2", "fd01::2"]), ["10.244.0.5", "fd00::5"]);
  assert.deepEqual(sortPodIPs(ips, ["fd01::2"]), ["fd00::5", "10.244.0.5"]);
  assert.deepEqual(sortPodIPs(["fd00::5"], ["192.0.2.2"]), ["fd00::5"]);
  assert.deepEqual(sortPodIPs([], ["192.0.2.2"]), []);
});
