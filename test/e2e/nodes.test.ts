/** Nodes with real containers that stop, start, come and go while their cluster runs. */
import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { TestCluster, eventually } from "./harness.ts";

const WEB = join(import.meta.dirname, "../../examples/web");
const PROFILE = "e2enodes";
const FIRST = `k8ts-${PROFILE}`;
const SECOND = `${FIRST}-m02`;
const isRoot = process.geteuid?.() === 0;

suite("nodes", { skip: isRoot ? false : "needs root: real containers" }, () => {
  let cluster: TestCluster;

  before(async () => {
    cluster = await TestCluster.prepare(PROFILE);
    await cluster.k8ts("start", "--nodes=2");
    await cluster.k8ts("image", "build", "-t", "demo/web:1", WEB);
    await onNode("one", FIRST);
    await onNode("two", SECOND);
  });
  after(() => cluster?.destroy());

  test("a node that stops takes its containers along, and the rest of the cluster works", async () => {
    await cluster.k8ts("node", "stop", SECOND);
    assert.deepEqual(shims(SECOND), []);
    assert.notDeepEqual(shims(FIRST), []);
    assert.equal(await cluster.kubectl("exec", "one", "--", "echo", "here"), "here\n");
    assert.notEqual((await cluster.tryKubectl(["exec", "two", "--", "true"], { timeoutMs: 20_000 })).code, 0);
  });

  test("started again it runs its pods again, and they are reached from the other node", async () => {
    await cluster.k8ts("node", "start", SECOND);
    await cluster.kubectl("wait", "--for=condition=Ready", `node/${SECOND}`, "--timeout=60s");
    await eventually("the container runs again", async () => {
      const { code } = await cluster.tryKubectl(["exec", "two", "--", "true"]);
      return code === 0 ? true : undefined;
    });
    await cluster.kubectl("wait", "--for=condition=Ready", "pod/two", "--timeout=60s");
    assert.match(await fetchFrom("one", "two"), /two/);
    assert.match(await fetchFrom("two", "one"), /one/);
  });

  test("a node that is added takes pods at once, also from images it has to be given", async () => {
    await cluster.k8ts("node", "add");
    await cluster.k8ts("image", "build", "-t", "demo/web:1", WEB);
    const third = `${FIRST}-m03`;
    await onNode("three", third);
    assert.match(await fetchFrom("one", "three"), /three/);
    assert.match(await fetchFrom("three", "two"), /two/);
  });

  test("a node that is deleted leaves nothing", async () => {
    await cluster.k8ts("node", "delete", SECOND);
    assert.equal((await cluster.tryKubectl(["get", "node", SECOND])).code, 1);
    assert.deepEqual(shims(SECOND), []);
    const left = [
      `/run/netns/${SECOND}.node`,
      `/run/k8ts/${PROFILE}/${SECOND}`,
      `/sys/fs/cgroup/memory/k8ts/${PROFILE}/${SECOND}`,
      join(cluster.home, `profiles/${PROFILE}/nodes/${SECOND}`),
    ].filter((path) => existsSync(path));
    assert.deepEqual(left, []);
    assert.match(await fetchFrom("one", "three"), /three/);
  });

  async function onNode(name: string, nodeName: string): Promise<void> {
    const overrides = JSON.stringify({ spec: { nodeName } });
    await cluster.kubectl("run", name, "--image=demo/web:1", `--overrides=${overrides}`);
    await cluster.kubectl("wait", "--for=condition=Ready", `pod/${name}`, "--timeout=60s");
  }

  async function fetchFrom(from: string, to: string): Promise<string> {
    const ip = await cluster.kubectl("get", "pod", to, "-o", "jsonpath={.status.podIP}");
    return cluster.kubectl("exec", from, "--", "wget", "-qO-", `http://${ip}`);
  }
});

/** Command lines of the processes that hold a node's containers. */
function shims(node: string): readonly string[] {
  const commands = readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .map((pid) => commandOf(pid));
  return commands.filter(
    (command) => command.includes(`/run/k8ts/${PROFILE}/${node}/`) && command.includes("shim"),
  );
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  } catch {
    return ""; // it has ended meanwhile
  }
}
