/** LoadBalancer services of real nodes: reached at their address from this machine, wherever their pods are. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { TestCluster, eventually } from "./harness.ts";

const WEB = join(import.meta.dirname, "../../examples/web");
const IMAGE = "demo/web:1";
const PROFILE = "e2elb";
const FIRST = `k8ts-${PROFILE}`;
const NODES = [FIRST, `${FIRST}-m02`, `${FIRST}-m03`];
const isRoot = process.geteuid?.() === 0;

suite("load balancers", { skip: isRoot ? false : "needs root: real containers" }, () => {
  let cluster: TestCluster;
  let address = "";

  before(async () => {
    cluster = await TestCluster.prepare(PROFILE);
    const grace = "--extra-config=controller-manager.node-monitor-grace-period=12s";
    await cluster.k8ts("start", "--nodes=3", "--wait=all", grace);
    await cluster.k8ts("image", "build", "-t", IMAGE, WEB);
    for (const nodeName of NODES.slice(1)) await web(nodeName);
    await cluster.kubectl("wait", "--for=condition=Ready", "pod", "-l", "app=web", "--timeout=60s");
  });
  after(() => cluster?.destroy());

  test("a service gets an address and answers at it", async () => {
    await cluster.apply({
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "web" },
      spec: { type: "LoadBalancer", selector: { app: "web" }, ports: [{ port: 8080, targetPort: 80 }] },
    });
    address = await eventually("the address", async () => (await ingress("web")) || undefined);
    assert.match(address, /\.224$/);
    await answers();
    const events = await cluster.kubectl("get", "events", "-o", "jsonpath={.items[*].reason}");
    assert.match(events, /EnsuringLoadBalancer/);
    assert.match(events, /EnsuredLoadBalancer/);
  });

  test("with externalTrafficPolicy Local a node with a pod of its own answers", async () => {
    const patch = '{"spec":{"externalTrafficPolicy":"Local"}}';
    await cluster.kubectl("patch", "service", "web", "-p", patch);
    await eventually("a node with a pod announces it", async () =>
      NODES.slice(1).includes(announcers().join()) ? true : undefined,
    );
    await answers();
  });

  test("another node takes the address over when its node dies", async () => {
    const [lost] = announcers();
    await cluster.k8ts("node", "stop", lost!);
    const heir = NODES.slice(1).find((name) => name !== lost);
    await eventually(
      "the address moves",
      async () => (announcers().join() === heir ? true : undefined),
      60_000,
    );
    await answers();
    await cluster.k8ts("node", "start", lost!);
  });

  test("a service that is deleted gives its address back", async () => {
    await cluster.kubectl("delete", "service", "web");
    await eventually("nobody announces it", async () => (announcers().length === 0 ? true : undefined));
    assert.notEqual(curl().status, 0);
  });

  async function web(nodeName: string): Promise<void> {
    const overrides = JSON.stringify({ spec: { nodeName } });
    await cluster.kubectl(
      "run",
      `on-${nodeName}`,
      `--image=${IMAGE}`,
      "--labels=app=web",
      `--overrides=${overrides}`,
    );
  }

  function ingress(name: string): Promise<string> {
    return cluster.kubectl("get", "service", name, "-o", "jsonpath={.status.loadBalancer.ingress[0].ip}");
  }

  function answers(): Promise<true> {
    return eventually(`${address} answers`, async () => (curl().status === 0 ? true : undefined));
  }

  function curl(): ReturnType<typeof spawnSync> {
    return spawnSync("curl", ["-sf", "-m", "2", `http://${address}:8080`]);
  }

  /** Nodes that answer ARP for the address. */
  function announcers(): readonly string[] {
    return NODES.filter((name) => {
      const shown = spawnSync("ip", ["-n", `${name}.node`, "neigh", "show", "proxy"], { encoding: "utf8" });
      return shown.stdout.includes(`${address} `);
    });
  }
});
