/** LoadBalancer services of real nodes: reached at their address from this machine, wherever their pods are. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { TestCluster, eventually } from "./harness.ts";

const WEB = join(import.meta.dirname, "../../examples/web");
const IMAGE = "demo/web:1";
const PROFILE = "e2elb";
const FIRST = `k8ts-${PROFILE}`;
const NODES = [FIRST, `${FIRST}-m02`, `${FIRST}-m03`];
/** An agent is given up after 40 s. */
const TAKEN_OVER_MS = 150_000;
const isRoot = process.geteuid?.() === 0;

suite("load balancers", { skip: isRoot ? false : "needs root: real containers" }, () => {
  let cluster: TestCluster;
  /** Of IPv4 and of IPv6. */
  let addresses: readonly string[] = [];

  before(async () => {
    cluster = await TestCluster.prepare(PROFILE);
    const grace = "--extra-config=controller-manager.node-monitor-grace-period=12s";
    await cluster.k8ts("start", "--nodes=3", "--ip-family=dual", "--wait=all", grace);
    await cluster.k8ts("image", "build", "-t", IMAGE, WEB);
    for (const nodeName of NODES.slice(1)) await web(nodeName);
    await cluster.kubectl("wait", "--for=condition=Ready", "pod", "-l", "app=web", "--timeout=60s");
  });
  after(() => cluster?.destroy());

  test("a service gets an address of each of its families and answers at them", async () => {
    const [selector, ports] = [{ app: "web" }, [{ port: 8080, targetPort: 80 }]];
    const spec = { type: "LoadBalancer", selector, ports, ipFamilyPolicy: "PreferDualStack" };
    await cluster.apply({ apiVersion: "v1", kind: "Service", metadata: { name: "web" }, spec });
    addresses = await ingress("web", 2);
    assert.match(addresses.join(), /^192\.168\.\d+\.224,fd6b:3874:7300:[0-9a-f]+::e0$/);
    await answers();
    await eventually("its events", async () => {
      const events = await cluster.kubectl("get", "events", "-o", "jsonpath={.items[*].reason}");
      return /EnsuringLoadBalancer/.test(events) && /EnsuredLoadBalancer/.test(events) ? true : undefined;
    });
  });

  test("an address goes with its family and comes back", async () => {
    const [ip4] = addresses;
    await patch({ ipFamilyPolicy: "SingleStack" });
    assert.deepEqual(await ingress("web", 1), [ip4]);
    await eventually("nobody answers for the other", async () =>
      announcers(addresses[1]!).length === 0 ? true : undefined,
    );
    await patch({ ipFamilyPolicy: "RequireDualStack" });
    assert.deepEqual(await ingress("web", 2), addresses);
    await answers();
  });

  test("with externalTrafficPolicy Local a node with a pod of its own answers", async () => {
    await patch({ externalTrafficPolicy: "Local" });
    for (const ip of addresses)
      await eventually(`a node with a pod announces ${ip}`, async () =>
        NODES.slice(1).includes(announcers(ip).join()) ? true : undefined,
      );
    await answers();
  });

  test("another node takes the addresses over when their node dies", async () => {
    const [lost] = announcers(addresses[0]!);
    await cluster.k8ts("node", "stop", lost!);
    await announcedBy(heirOf(lost!));
    await answers();
    await cluster.k8ts("node", "start", lost!);
    await announcedBy(lost!, addresses[0]);
  });

  test("an agent that is killed and started again keeps its addresses", async () => {
    const [killed] = announcers(addresses[0]!);
    const first = tokenOf(killed!);
    process.kill(pidOf(`${killed}.agent.child`), "SIGKILL");
    await eventually("the next agent", async () => (tokenOf(killed!) === first ? undefined : true));
    assert.deepEqual(announcers(addresses[0]!), [killed]);
    await answers();
  });

  test("another node takes the addresses over when their agent is killed, and it alone answers", async () => {
    const [killed] = announcers(addresses[0]!);
    for (const program of [`${killed}.agent`, `${killed}.agent.child`])
      process.kill(pidOf(program), "SIGKILL");
    const heir = heirOf(killed!);
    for (const ip of addresses)
      await eventually(
        `${heir} announces ${ip}`,
        async () => (announcers(ip).includes(heir) ? true : undefined),
        TAKEN_OVER_MS,
      );
    await answers();
    await announcedBy(heir);
    for (const ip of addresses) spawnSync("ip", ["neigh", "flush", "to", ip]); // so that it is asked anew who answers
    await answers();
    for (const ip of addresses) assert.equal(macOf(ip), ownMac(heir), ip);
    await cluster.k8ts("node", "start", killed!);
    await announcedBy(killed!, addresses[0]);
    await answers();
  });

  test("a service that is deleted gives its addresses back", async () => {
    await cluster.kubectl("delete", "service", "web");
    for (const ip of addresses) {
      await eventually(`nobody announces ${ip}`, async () =>
        announcers(ip).length === 0 ? true : undefined,
      );
      assert.notEqual(curl(ip).status, 0);
    }
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

  async function patch(spec: object): Promise<void> {
    await cluster.kubectl("patch", "service", "web", "-p", JSON.stringify({ spec }));
  }

  function ingress(name: string, count: number): Promise<readonly string[]> {
    return eventually(`${count} addresses`, async () => {
      const path = "jsonpath={.status.loadBalancer.ingress[*].ip}";
      const ips = (await cluster.kubectl("get", "service", name, "-o", path)).split(" ").filter(Boolean);
      return ips.length === count ? ips : undefined;
    });
  }

  async function answers(): Promise<void> {
    for (const ip of addresses)
      await eventually(`${ip} answers`, async () => (curl(ip).status === 0 ? true : undefined));
  }

  /** It alone. */
  async function announcedBy(name: string, ...ips: readonly (string | undefined)[]): Promise<void> {
    for (const ip of ips.length > 0 ? ips : addresses)
      await eventually(
        `${name} alone announces ${ip}`,
        async () => (announcers(ip!).join() === name ? true : undefined),
        TAKEN_OVER_MS,
      );
  }

  /** Who answers for the addresses of the node: another agent, another token. */
  function tokenOf(node: string): string {
    const file = join("profiles", PROFILE, "nodes", node, "cni/data/load-balancer-agent");
    return readFileSync(join(cluster.home, file), "utf8");
  }

  function pidOf(program: string): number {
    return Number(readFileSync(join(cluster.home, "profiles", PROFILE, "pids", `${program}.pid`), "utf8"));
  }
});

function curl(ip: string): ReturnType<typeof spawnSync> {
  return spawnSync("curl", ["-sf", "-m", "2", `http://${ip.includes(":") ? `[${ip}]` : ip}:8080`]);
}

/** The only other one that has a pod. */
function heirOf(name: string): string {
  return NODES.slice(1).find((other) => other !== name)!;
}

/** Nodes that answer for the address. */
function announcers(ip: string): readonly string[] {
  const flag = ip.includes(":") ? "-6" : "-4";
  return NODES.filter((name) => {
    const command = ["-n", `${name}.node`, flag, "neigh", "show", "proxy"];
    return spawnSync("ip", command, { encoding: "utf8" }).stdout.includes(`${ip} `);
  });
}

/** Of who answered this machine for an address last. */
function macOf(ip: string): string | undefined {
  const { stdout } = spawnSync("ip", ["neigh", "show", "to", ip], { encoding: "utf8" });
  return /lladdr (\S+)/.exec(stdout)?.[1];
}

function ownMac(node: string): string | undefined {
  const { stdout } = spawnSync("ip", ["-n", `${node}.node`, "link", "show", "eth0"], { encoding: "utf8" });
  return /link\/ether (\S+)/.exec(stdout)?.[1];
}
