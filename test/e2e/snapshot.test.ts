/** A cluster is saved while it runs, and comes back as it was. */
import assert from "node:assert/strict";
import { readFile, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { TestCluster } from "./harness.ts";

suite("snapshots of a simulated cluster", () => {
  let cluster: TestCluster;
  let file = "";

  before(async () => {
    cluster = await TestCluster.prepare("e2esnap");
    file = join(cluster.home, "snapshot");
    await cluster.k8ts("start", "--driver=simulated");
  });
  after(async () => {
    if (cluster === undefined) return;
    await cluster.k8ts("delete");
    const left = await cluster.leaks();
    await rm(cluster.home, { recursive: true, force: true });
    assert.deepEqual(left, []);
  });

  test("bring back what was there, and keep what came later beside", async () => {
    await cluster.kubectl("create", "configmap", "settings", "--from-literal=color=red");
    await cluster.kubectl("create", "service", "clusterip", "web", "--tcp=80");
    const address = await clusterIp();
    await cluster.k8ts("snapshot", "save", file);
    await cluster.kubectl("create", "configmap", "later");
    await cluster.kubectl("patch", "configmap", "settings", "-p", '{"data":{"color":"blue"}}');
    await cluster.kubectl("delete", "service", "web");
    const early = await cluster.tryK8ts(["snapshot", "restore", file]);
    assert.notEqual(early.code, 0);
    assert.match(early.stderr, /is running \[CLUSTER_RUNNING\]\n {2}try: \S*k8ts stop -p e2esnap/);
    await cluster.k8ts("stop");
    await cluster.k8ts("snapshot", "restore", file);
    await cluster.k8ts("start");
    const color = await cluster.kubectl("get", "configmap", "settings", "-o", "jsonpath={.data.color}");
    assert.equal(color, "red");
    assert.equal(await clusterIp(), address);
    assert.match((await cluster.tryKubectl(["get", "configmap", "later"])).stderr, /not found/);
    await cluster.kubectl("create", "deployment", "web", "--image=any/image:1");
    await cluster.kubectl("rollout", "status", "deploy/web", "--timeout=60s");
    const kept = await readdir(join(cluster.home, "profiles/e2esnap"));
    assert.equal(kept.filter((name) => name.startsWith("data.before-restore-")).length, 1);
  });

  test("are refused when a byte is wrong", async () => {
    const bytes = await readFile(file);
    bytes[bytes.length >> 1]! ^= 1;
    const bad = join(cluster.home, "bad");
    await writeFile(bad, bytes);
    const status = await cluster.tryK8ts(["snapshot", "status", bad]);
    assert.equal(status.code, 78);
    assert.match(status.stderr, /\[SNAPSHOT_CORRUPT\]/);
    const { entries, revision } = JSON.parse(await cluster.k8ts("snapshot", "status", file)) as Record<
      string,
      number
    >;
    assert.ok(entries! > 50 && revision! > 50);
  });

  async function clusterIp(): Promise<string> {
    return cluster.kubectl("get", "service", "web", "-o", "jsonpath={.spec.clusterIP}");
  }
});
