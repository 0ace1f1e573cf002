/** A cluster is given another authority while it runs: nothing restarts, and each step leaves it whole. */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { certificateBlocks } from "#component-base";
import { TestCluster, eventually } from "./harness.ts";

const PROFILE = "e2eca";
const WEB = join(import.meta.dirname, "../../examples/web");
const isRoot = process.geteuid?.() === 0;
const NODES = [`k8ts-${PROFILE}`, `k8ts-${PROFILE}-m02`];

suite("rotating the authority", { skip: isRoot ? false : "needs root: real containers" }, () => {
  let cluster: TestCluster;
  let dir = "";
  let untouched: readonly string[];
  let old = "";
  let next = "";

  before(async () => {
    cluster = await TestCluster.prepare(PROFILE);
    await cluster.k8ts("start", "--nodes=2");
    dir = join(cluster.home, "profiles", PROFILE);
    await cluster.k8ts("image", "build", "-t", "demo/web:1", WEB);
    for (const [i, nodeName] of NODES.entries()) {
      const overrides = JSON.stringify({ spec: { nodeName } });
      await cluster.kubectl("run", `web${i}`, "--image=demo/web:1", `--overrides=${overrides}`);
    }
    await cluster.kubectl("wait", "--for=condition=Ready", "pod", "--all", "--timeout=60s");
    untouched = await processes();
    [old = ""] = await authorities();
  });
  after(() => cluster?.destroy());

  /** Of `ca.crt`, in order. */
  async function authorities(): Promise<readonly string[]> {
    return certificateBlocks(await readFile(join(dir, "pki/ca.crt"), "utf8"));
  }

  /** Server, agents and containers: the same as long as nobody started again. */
  async function processes(): Promise<readonly string[]> {
    const names = ["server", ...NODES.map((name) => `${name}.agent`)];
    const pids = await Promise.all(
      names.map((name) => readFile(join(dir, "pids", `${name}.child.pid`), "utf8")),
    );
    const containers =
      "jsonpath={range .items[*]}{.metadata.name} {.status.containerStatuses[0].containerID} {.status.containerStatuses[0].restartCount} {end}";
    return [...pids, await cluster.kubectl("get", "pods", "-o", containers)];
  }

  /** Everybody is reached by everybody, and nobody started again. */
  async function isWhole(): Promise<void> {
    await cluster.kubectl("get", "--raw", "/readyz");
    for (const [i, node] of NODES.entries()) {
      await eventually(`exec on ${node}`, async () => {
        const { code } = await cluster.tryKubectl(["exec", `web${i}`, "--", "true"]);
        return code === 0 ? true : undefined;
      });
      const ready = "jsonpath={.status.conditions[?(@.type=='Ready')].status}";
      assert.equal(await cluster.kubectl("get", "node", node, "-o", ready), "True");
    }
    await cluster.kubectl("run", "fresh", "--image=demo/web:1");
    await cluster.kubectl("wait", "--for=condition=Ready", "pod/fresh", "--timeout=60s");
    await cluster.kubectl("delete", "pod", "fresh", "--now");
    assert.deepEqual(await processes(), untouched);
  }

  /** What a pod believes. */
  async function podTrusts(count: number): Promise<void> {
    const file = "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt";
    await eventually(
      `${count} authorities in a pod`,
      async () => {
        const text = await cluster.kubectl("exec", "web1", "--", "cat", file);
        return certificateBlocks(text).length === count ? true : undefined;
      },
      150_000,
    );
  }

  test("steps whose time has not come are refused", async () => {
    for (const [step, message] of [
      ["use", /there is no new authority yet/],
      ["drop", /there is one authority alone/],
    ] as const) {
      const { code, stderr } = await cluster.tryK8ts(["certs", "rotate-ca", step]);
      assert.notEqual(code, 0);
      assert.match(stderr, message);
    }
  });

  test("add: a new authority is believed beside the old one, which goes on signing", async () => {
    await cluster.k8ts("certs", "rotate-ca", "add");
    const both = await authorities();
    assert.deepEqual([both.length, both[0]], [2, old]);
    next = both[1]!;
    await podTrusts(2);
    await isWhole();
  });

  test("use: the new one signs everything, and the old one is still believed", async () => {
    await cluster.k8ts("certs", "rotate-ca", "use");
    assert.deepEqual(await authorities(), [next, old]);
    const key = new X509Certificate(next).publicKey;
    const signed = async (path: string): Promise<boolean> =>
      new X509Certificate(await readFile(join(dir, path), "utf8")).verify(key);
    for (const name of ["apiserver", "apiserver-kubelet-client", "admin"])
      assert.ok(await signed(`pki/${name}.crt`), name);
    for (const node of NODES)
      for (const name of ["kubelet-client", "kube-proxy", "coredns"])
        await eventually(`${node} uses ${name}`, async () =>
          (await signed(`nodes/${node}/pki/${name}-current.pem`)) ? true : undefined,
        );
    await isWhole();
  });

  test("drop: the old one is believed no more", async () => {
    await eventually("nobody uses the old authority", async () => {
      const { code } = await cluster.tryK8ts(["certs", "rotate-ca", "drop"]);
      return code === 0 ? true : undefined;
    });
    assert.deepEqual(await authorities(), [next]);
    await podTrusts(1);
    await isWhole();
  });

  test("the cluster stops and starts with the new authority, and keeps it", async () => {
    await cluster.k8ts("stop");
    await cluster.k8ts("start");
    assert.deepEqual(await authorities(), [next]);
    await cluster.kubectl("get", "nodes");
  });
});
