import assert from "node:assert/strict";
import { test } from "node:test";
import { podsWithLogs, removePodLogs } from "./pod-log-folders.ts";

const NAMES = [
  "default_web_u1",
  "kube-system_dns-node_u2",
  "other_web_u1",
  "lost+found",
  "a_b",
  "a_b_c_d",
  "_x_u1",
];

function disk(names: readonly string[]) {
  const removed: string[] = [];
  const host = {
    list: async (path: string) => (path === "/logs" ? names : []),
    removeTree: async (path: string) => void removed.push(path),
  };
  return { host, removed };
}

test("podsWithLogs() tells the uids in the names, and takes nothing else for a pod's", async () => {
  const { host } = disk(NAMES);
  assert.deepEqual(await podsWithLogs(host, "/logs"), ["u1", "u2", "u1"]);
});

test("removePodLogs() removes the folders of that pod alone", async () => {
  const { host, removed } = disk(NAMES);
  await removePodLogs(host, "/logs", "u1");
  assert.deepEqual(removed, ["/logs/default_web_u1", "/logs/other_web_u1"]);
});
