/** Simulated clusters: no root, no containers, everything else real. Nodes come and go; a disk fills up. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { chown, rm } from "node:fs/promises";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { TestCluster, eventually, run, type Output } from "./harness.ts";

const ROOT = join(import.meta.dirname, "../..");
const NOBODY = 65_534;
const SECOND = ["-p", "e2esim2"];
const isRoot = process.geteuid?.() === 0;
/** Bounds for a busy machine, of what takes seconds on an idle one. */
const PATIENCE_MS = 240_000;
const TIMEOUT = `--timeout=${PATIENCE_MS / 1000 - 10}s`;

suite("a simulated cluster of somebody without rights", () => {
  let cluster: TestCluster;

  before(async () => {
    cluster = await TestCluster.prepare("e2esim");
    if (isRoot) await chown(cluster.home, NOBODY, NOBODY);
    ok(await k8ts("start", "--driver=simulated", "--nodes=3", "--wait=all"));
  });
  after(async () => {
    if (cluster === undefined) return;
    ok(await k8ts("delete"));
    const left = await cluster.leaks();
    const config = readFileSync(join(cluster.home, "kubeconfig"), "utf8");
    await rm(cluster.home, { recursive: true, force: true });
    assert.deepEqual(left, []);
    assert.doesNotMatch(config, /e2esim/);
  });

  test("no process of it runs as root", { skip: isRoot ? false : "is not root itself" }, () => {
    const names = ["server", "k8ts-e2esim.agent", "k8ts-e2esim-m02.agent", "k8ts-e2esim-m03.agent"];
    for (const name of names) {
      const pid = readFileSync(
        join(cluster.home, "profiles/e2esim/pids", `${name}.child.pid`),
        "utf8",
      ).trim();
      assert.match(readFileSync(`/proc/${pid}/status`, "utf8"), /^Uid:\s+65534\s+65534/m);
    }
  });

  test("kubectl finds a cluster that works: a deployment becomes available on all nodes", async () => {
    await kubectl("create", "deployment", "web", "--image=any/image:1", "--replicas=6");
    await kubectl("rollout", "status", "deploy/web", TIMEOUT);
    const nodes = await kubectl("get", "pods", "-l", "app=web", "-o", "jsonpath={.items[*].spec.nodeName}");
    assert.equal(new Set(nodes.split(" ")).size, 3);
    await kubectl("delete", "deployment", "web");
  });

  test("start again changes nothing, and with other nodes says what to do instead", async () => {
    const nodes = await kubectl("get", "nodes", "-o", "jsonpath={.items[*].metadata.uid}");
    ok(await k8ts("start"));
    assert.equal(await kubectl("get", "nodes", "-o", "jsonpath={.items[*].metadata.uid}"), nodes);
    const other = await k8ts("start", "--nodes=5");
    assert.equal(other.code, 64);
    assert.match(
      other.stderr,
      /exists with --nodes=3, 5 was asked for \[PROFILE_DIFFERS\]\n {2}try: \S*k8ts node add/,
    );
  });

  test("images cannot be built for nodes that hold none", async () => {
    const output = await k8ts("image", "build", "-t", "x", join(ROOT, "examples/web"));
    assert.equal(output.code, 64);
    assert.match(output.stderr, /\[IMAGE_UNSUPPORTED\]/);
  });

  test("a node that stops becomes NotReady and gets no pods; started again it is Ready", async () => {
    const name = "k8ts-e2esim-m03";
    ok(await k8ts("node", "stop", name));
    await kubectl("wait", "--for=condition=Ready=Unknown", `node/${name}`, TIMEOUT);
    assert.match(await kubectl("get", "node", name), / NotReady /);
    const reason = 'jsonpath={.status.conditions[?(@.type=="Ready")].reason}';
    assert.equal(await kubectl("get", "node", name, "-o", reason), "NodeStatusUnknown");
    const taints = ["get", "node", name, "-o", "jsonpath={.spec.taints[*].key}"];
    await soon("the taint", async () =>
      (await kubectl(...taints)).includes("node.kubernetes.io/unreachable"),
    );
    await kubectl("create", "deployment", "rest", "--image=any/image:1", "--replicas=4");
    await kubectl("rollout", "status", "deploy/rest", TIMEOUT);
    const nodes = await kubectl("get", "pods", "-l", "app=rest", "-o", "jsonpath={.items[*].spec.nodeName}");
    assert.ok(!nodes.includes(name), nodes);
    const status = JSON.parse((await k8ts("status", "-o", "json")).stdout) as {
      Name: string;
      Kubelet: string;
    }[];
    assert.equal(status.find(({ Name }) => Name === name)?.Kubelet, "Stopped");
    ok(await k8ts("node", "start", name));
    await kubectl("wait", "--for=condition=Ready", `node/${name}`, TIMEOUT);
    await soon("no taint", async () => (await kubectl(...taints)) === "");
  });

  test("nodes are added and deleted while the cluster runs, and names are used again", async () => {
    ok(await k8ts("node", "add"));
    assert.match(await kubectl("get", "node", "k8ts-e2esim-m04"), / Ready /);
    ok(await k8ts("node", "delete", "k8ts-e2esim-m02"));
    assert.equal((await tryKubectl("get", "node", "k8ts-e2esim-m02")).code, 1);
    assert.ok(!existsSync(join(cluster.home, "profiles/e2esim/nodes/k8ts-e2esim-m02")));
    assert.match((await k8ts("node", "list")).stdout, /k8ts-e2esim-m04 +127\.0\.0\.1 +worker/);
    ok(await k8ts("node", "add"));
    assert.match(await kubectl("get", "node", "k8ts-e2esim-m02"), / Ready /);
    const refused = await k8ts("node", "delete", "k8ts-e2esim");
    assert.equal(refused.code, 64);
    assert.match(refused.stderr, /\[NODE_IS_CONTROL_PLANE\]/);
    assert.equal((await k8ts("node", "stop", "nobody")).code, 66);
  });

  test("a second cluster beside it has ports and a context of its own", async () => {
    ok(await k8ts("start", ...SECOND, "--driver=simulated", "-o", "json"));
    try {
      assert.equal(
        (await kubectl("--context=k8ts-e2esim2", "get", "nodes", "-o", "name")).trim(),
        "node/k8ts-e2esim2",
      );
      assert.equal((await kubectl("config", "current-context")).trim(), "k8ts-e2esim2");
      const list = (await k8ts("profile", "list")).stdout;
      assert.match(list, /e2esim +Running +simulated/);
      assert.match(list, /e2esim2 +Running +simulated/);
    } finally {
      ok(await k8ts("delete", ...SECOND));
    }
    assert.equal((await kubectl("config", "current-context")).trim(), "k8ts-e2esim");
  });

  test("stop and start keep the data", async () => {
    await kubectl("create", "configmap", "kept", "--from-literal=a=1");
    ok(await k8ts("stop"));
    const status = await k8ts("status");
    assert.equal(status.code, 7);
    assert.match(status.stdout, /apiserver: Stopped/);
    ok(await k8ts("start"));
    assert.equal(await kubectl("get", "configmap", "kept", "-o", "jsonpath={.data.a}"), "1");
  });

  function k8ts(...args: readonly string[]): Promise<Output> {
    const user = isRoot ? ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups", "--"] : [];
    return run([...user, join(ROOT, "k8ts"), ...args], cluster.env, { timeoutMs: PATIENCE_MS });
  }

  async function kubectl(...args: readonly string[]): Promise<string> {
    const output = await tryKubectl(...args);
    ok(output);
    return output.stdout;
  }

  function tryKubectl(...args: readonly string[]): Promise<Output> {
    return cluster.tryKubectl(args, { timeoutMs: PATIENCE_MS });
  }
});

suite("a disk that fills up", { skip: isRoot ? false : "needs root to mount" }, () => {
  let cluster: TestCluster;
  let disk = "";

  before(async () => {
    const prepared = await TestCluster.prepare("e2edisk");
    disk = join(prepared.home, "disk");
    mkdirSync(disk);
    ok(await run(["mount", "-t", "tmpfs", "-o", "size=520m", "tmpfs", disk], process.env));
    prepared.env["K8TS_HOME"] = join(disk, "k8ts");
    cluster = prepared;
    await cluster.k8ts("start", "--driver=simulated");
  });
  after(async () => {
    if (cluster !== undefined) await cluster.tryK8ts(["delete"], { timeoutMs: PATIENCE_MS });
    const found = (await cluster?.leaks()) ?? [];
    const left = [...found.filter((leak) => !leak.startsWith("mount ")), ...filesOn(disk)];
    await run(["umount", disk], process.env);
    await rm(join(disk, ".."), { recursive: true, force: true });
    assert.deepEqual(left, []);
  });

  test("refuses writes and says why, goes on reading, and recovers when there is room again", async () => {
    await cluster.kubectl("create", "configmap", "early", "--from-literal=a=1");
    const filler = join(disk, "filler");
    const filled = await run(["dd", "if=/dev/zero", `of=${filler}`, "bs=64k"], process.env);
    assert.match(filled.stderr, /No space left on device/);
    const value = join(disk, "../value");
    writeFileSync(value, "x".repeat(500_000));
    const create = (name: string): Promise<Output> =>
      cluster.tryKubectl(["create", "configmap", name, `--from-file=${value}`], { timeoutMs: PATIENCE_MS });
    const accepted = ["early"];
    const refused: Output[] = [];
    const server = serverPid();
    for (let i = 0; i < 40 && refused.length < 5; i++) {
      const output = await create(`big-${i}`);
      if (output.code === 0) accepted.push(`big-${i}`);
      else refused.push(output);
    }
    assert.equal(refused.length, 5, "of 40 large writes to a full disk");
    for (const { stderr } of refused)
      assert.match(stderr, /Internal error occurred: cannot write to .*: no space left on device/);
    assert.equal(serverPid(), server);
    for (const name of accepted) await cluster.kubectl("get", "configmap", name);
    await rm(filler);
    await soon("a write", async () => (await create("late")).code === 0);
    for (const name of [...accepted, "late"]) await cluster.kubectl("get", "configmap", name);
    // what the kubelet had to say while nothing could be written, it says again
    await soon("the node is Ready", async () => / Ready /.test(await cluster.kubectl("get", "nodes")));
    assert.equal(serverPid(), server);
  });

  function serverPid(): string {
    return readFileSync(join(disk, "k8ts/profiles/e2edisk/pids/server.child.pid"), "utf8");
  }
});

function ok({ code, stdout, stderr }: Output): void {
  assert.equal(code, 0, `${stdout}${stderr}`);
}

function soon(what: string, isSo: () => Promise<boolean>): Promise<true> {
  return eventually(what, async () => ((await isSo()) ? true : undefined), PATIENCE_MS);
}

function filesOn(disk: string): readonly string[] {
  return existsSync(join(disk, "k8ts/profiles")) ? ["the profile's files"] : [];
}
