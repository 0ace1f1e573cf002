/** LoadBalancer services of real nodes: reached at their address from this machine, wherever their pods are. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { TestCluster, eventually, run } from "./harness.ts";

const WEB = join(import.meta.dirname, "../../examples/web");
const IMAGE = "demo/web:1";
const PROFILE = "e2elb";
const FIRST = `k8ts-${PROFILE}`;
const NODES = [FIRST, `${FIRST}-m02`, `${FIRST}-m03`];
/** An agent is given up after 40 s. */
const TAKEN_OVER_MS = 150_000;
/** It has a service of its own. */
const OWN_NODE = `${FIRST}-m02`;
const OWN_POD = `on-${OWN_NODE}`;
const OTHER_POD = `on-${FIRST}-m03`;
const isRoot = process.geteuid?.() === 0;

/** In both families. */
interface OwnService {
  readonly clusterIPs: readonly string[];
  readonly balancerIPs: readonly string[];
  readonly nodePort: number;
  /** Of the node of its pod. */
  readonly nodeIPs: readonly string[];
}

suite("load balancers", { skip: isRoot ? false : "needs root: real containers" }, () => {
  let cluster: TestCluster;
  /** Of IPv4 and of IPv6. */
  let addresses: readonly string[] = [];

  before(async () => {
    cluster = await TestCluster.prepare(PROFILE);
    const grace = "--extra-config=controller-manager.node-monitor-grace-period=12s";
    await cluster.k8ts("start", "--nodes=3", "--ip-family=dual", "--wait=all", grace);
    // before there are pods: endpoints are told the zone of their node once
    for (const [i, zone] of ["a", "a", "b"].entries())
      await cluster.kubectl("label", "node", NODES[i]!, `topology.kubernetes.io/zone=${zone}`);
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

  test("a pod reaches itself by every address of its service, and is its only endpoint", async () => {
    const { clusterIPs, balancerIPs, nodePort, nodeIPs } = await ownService();
    const urls = [
      ...[...clusterIPs, ...balancerIPs].map((ip) => url(ip, 8080)),
      ...nodeIPs.map((ip) => url(ip, nodePort)),
    ];
    assert.equal(urls.length, 6);
    for (const to of urls)
      await eventually(`${OWN_POD} at ${to}`, async () => ((await fetched(OWN_POD, to)) ? true : undefined));
  });

  test("a node tells load balancers how many endpoints it has of a service that stays on its nodes", async () => {
    await patch({ externalTrafficPolicy: "Local" }, "own");
    const port = Number(
      await cluster.kubectl("get", "service", "own", "-o", "jsonpath={.spec.healthCheckNodePort}"),
    );
    for (const [node, localEndpoints] of NODES.map((name) => [name, name === OWN_NODE ? 1 : 0] as const))
      for (const ip of await addressesOf(node)) {
        const checked = (wanted: number): Promise<true> =>
          eventually(`${wanted} endpoints of ${node} at ${ip}`, async () => {
            const { stdout } = spawnSync("curl", ["-si", "-m", "2", url(ip, port)], { encoding: "utf8" });
            const [head = "", body = ""] = stdout.split("\r\n\r\n");
            if (!head.startsWith(`HTTP/1.1 ${wanted > 0 ? 200 : 503} `)) return undefined;
            assert.match(head, /^content-type: application\/json\r?$/im);
            assert.match(head, new RegExp(`^x-load-balancing-endpoint-weight: ${wanted}\r?$`, "im"));
            const service = { namespace: "default", name: "own" };
            assert.deepEqual(JSON.parse(body), {
              service,
              localEndpoints: wanted,
              serviceProxyHealthy: true,
            });
            return true;
          });
        await checked(localEndpoints);
        if (localEndpoints === 0) continue;
        await cluster.kubectl("label", "pod", OWN_POD, "own-");
        await checked(0);
        await cluster.kubectl("label", "pod", OWN_POD, "own=yes");
        await checked(1);
      }
    await patch({ externalTrafficPolicy: "Cluster" }, "own");
    for (const ip of await addressesOf(OWN_NODE))
      await eventually("nobody answers at the port of the checks", async () =>
        spawnSync("curl", ["-s", "-m", "2", url(ip, port)]).status === 0 ? undefined : true,
      );
  });

  test("source ranges hold for pods, for nodes and for this machine, in both families", async () => {
    const { balancerIPs, clusterIPs } = await ownService();
    const podIPs = (
      await cluster.kubectl("get", "pod", OWN_POD, "-o", "jsonpath={.status.podIPs[*].ip}")
    ).split(" ");
    const ask = {
      pod: (to: string) => fetched(OWN_POD, to),
      "another pod": (to: string) => fetched(OTHER_POD, to),
      // with its address of the link to the balancer's
      node: (to: string) => onNode(FIRST, to),
      machine: (to: string) => isAnswered([], to),
    };
    const all = Object.keys(ask) as readonly (keyof typeof ask)[];
    const letsIn = async (who: readonly (keyof typeof ask)[]): Promise<void> => {
      const ways = all.flatMap((from) => balancerIPs.map((ip) => ({ from, ip, isIn: who.includes(from) })));
      const check = async ({ from, ip, isIn }: (typeof ways)[number]): Promise<true> =>
        eventually(`${from} ${isIn ? "reaches" : "is kept from"} ${ip}`, async () =>
          (await ask[from](url(ip, 8080))) === isIn ? true : undefined,
        );
      await Promise.all(ways.map(check));
    };
    const only = (ips: readonly string[]): Promise<void> =>
      patch({ loadBalancerSourceRanges: ips.map((ip) => `${ip}/${ip.includes(":") ? 128 : 32}`) }, "own");
    await only(podIPs);
    await letsIn(["pod"]);
    await only(await addressesOf(FIRST));
    await letsIn(["node"]);
    // who is kept from the balancer's addresses is kept from no others
    for (const ip of clusterIPs) assert.equal(await ask["another pod"](url(ip, 8080)), true);
    await patch({ loadBalancerSourceRanges: [] }, "own");
    await letsIn(all);
  });

  test("internalTrafficPolicy Local keeps pods and nodes to endpoints of their own node, or to nobody", async () => {
    const { clusterIPs, nodeIPs, nodePort } = await ownService();
    await patch({ internalTrafficPolicy: "Local" }, "own");
    await Promise.all(
      clusterIPs.map(async (ip) => {
        const to = url(ip, 8080);
        await eventually(`another node is kept from ${ip}`, async () =>
          (await fetched(OTHER_POD, to)) ? undefined : true,
        );
        assert.deepEqual(await Promise.all([onNode(FIRST, to), onNode(OWN_NODE, to), fetched(OWN_POD, to)]), [
          false,
          true,
          true,
        ]);
      }),
    );
    for (const ip of nodeIPs) assert.equal(await fetched(OTHER_POD, url(ip, nodePort)), true);
    await cluster.kubectl("delete", "service", "own");
  });

  test("trafficDistribution keeps who calls to the pods of its node or of its zone", async () => {
    const [first, second, third] = [`on-${FIRST}`, OWN_POD, OTHER_POD];
    await web(FIRST, "app=close");
    await cluster.kubectl("wait", "--for=condition=Ready", `pod/${first}`, "--timeout=60s");
    await cluster.kubectl("label", "pod", first, second, third, "close=yes");
    const [selector, ports] = [{ close: "yes" }, [{ port: 8080, targetPort: 80 }]];
    const spec = {
      selector,
      ports,
      ipFamilyPolicy: "RequireDualStack",
      trafficDistribution: "PreferSameNode",
    };
    await cluster.apply({ apiVersion: "v1", kind: "Service", metadata: { name: "close" }, spec });
    const path = "jsonpath={.spec.clusterIPs[*]}";
    const clusterIPs = (await cluster.kubectl("get", "service", "close", "-o", path)).split(" ");
    const all = [first, second, third];
    const cases: readonly (readonly [string | undefined, pods: readonly (readonly string[])[]])[] = [
      ["PreferSameNode", [[first], [second], [third]]],
      ["PreferSameZone", [[first, second], [first, second], [third]]],
      ["PreferClose", [[first, second], [first, second], [third]]],
      [undefined, [all, all, all]],
    ];
    for (const [trafficDistribution = null, pods] of cases) {
      await patch({ trafficDistribution }, "close");
      const ways = NODES.flatMap((node, i) =>
        clusterIPs.map((ip) => ({ node, ip, wanted: pods[i]!.join() })),
      );
      const check = ({ node, ip, wanted }: (typeof ways)[number]): Promise<true> =>
        eventually(`${node} is answered by ${wanted} at ${ip}`, async () =>
          (await answering(node, url(ip, 8080))).join() === wanted ? true : undefined,
        );
      await Promise.all(ways.map(check));
    }
    await cluster.kubectl("delete", "service", "close");
    await cluster.kubectl("delete", "pod", first, "--grace-period=0", "--force");
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
    for (const ip of addresses) assert.equal(answererOf(ip), heir, ip);
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

  async function web(nodeName: string, label = "app=web"): Promise<void> {
    const overrides = JSON.stringify({ spec: { nodeName } });
    await cluster.kubectl(
      "run",
      `on-${nodeName}`,
      `--image=${IMAGE}`,
      `--labels=${label}`,
      `--overrides=${overrides}`,
    );
  }

  /** Made once. Its only endpoint is one of the pods. */
  async function ownService(): Promise<OwnService> {
    await cluster.kubectl("label", "--overwrite", "pod", OWN_POD, "own=yes");
    const [selector, ports] = [{ own: "yes" }, [{ port: 8080, targetPort: 80 }]];
    const spec = { type: "LoadBalancer", selector, ports, ipFamilyPolicy: "RequireDualStack" };
    await cluster.apply({ apiVersion: "v1", kind: "Service", metadata: { name: "own" }, spec });
    const path = "jsonpath={.spec.ports[0].nodePort} {.spec.clusterIPs[*]}";
    const [nodePort, ...clusterIPs] = (await cluster.kubectl("get", "service", "own", "-o", path)).split(" ");
    const nodeIPs = await addressesOf(OWN_NODE);
    return { nodePort: Number(nodePort), clusterIPs, balancerIPs: await ingress("own", 2), nodeIPs };
  }

  async function addressesOf(node: string): Promise<readonly string[]> {
    const path = 'jsonpath={.status.addresses[?(@.type=="InternalIP")].address}';
    return (await cluster.kubectl("get", "node", node, "-o", path)).split(" ");
  }

  /** Whether a pod is answered. */
  async function fetched(pod: string, to: string): Promise<boolean> {
    const { code } = await cluster.tryKubectl(["exec", pod, "--", "timeout", "2", "wget", "-qO-", to]);
    return code === 0;
  }

  async function patch(spec: object, name = "web"): Promise<void> {
    await cluster.kubectl("patch", "service", name, "-p", JSON.stringify({ spec }));
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

function url(ip: string, port: number): string {
  return `http://${ip.includes(":") ? `[${ip}]` : ip}:${port}`;
}

function curl(ip: string): ReturnType<typeof spawnSync> {
  return spawnSync("curl", ["-sf", "-m", "2", url(ip, 8080)]);
}

/** Whether the node itself is answered. */
function onNode(node: string, to: string): Promise<boolean> {
  return isAnswered(["nsenter", `--net=/run/netns/${node}.node`], to);
}

/** The pods that answer a node, by so many questions that chance leaves out none of three. */
async function answering(node: string, to: string): Promise<readonly string[]> {
  const enter = ["nsenter", `--net=/run/netns/${node}.node`];
  const asked = Array.from({ length: 32 }, () => to);
  const { stdout } = await run([...enter, "curl", "-s", "-m", "10", ...asked], process.env);
  const names = [...stdout.matchAll(/Hello from ([\w-]+)/g)].map(([, name]) => name!);
  return [...new Set(names)].toSorted((a, b) => a.localeCompare(b));
}

async function isAnswered(prefix: readonly string[], to: string): Promise<boolean> {
  const { code } = await run([...prefix, "curl", "-sf", "-m", "2", to], process.env);
  return code === 0;
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

/** Who answered this machine for an address last. */
function answererOf(ip: string): string | undefined {
  const { stdout } = spawnSync("ip", ["neigh", "show", "to", ip], { encoding: "utf8" });
  const mac = /lladdr (\S+)/.exec(stdout)?.[1];
  return NODES.find((node) => ownMac(node) === mac) ?? stdout;
}

function ownMac(node: string): string | undefined {
  const { stdout } = spawnSync("ip", ["-n", `${node}.node`, "link", "show", "eth0"], { encoding: "utf8" });
  return /link\/ether (\S+)/.exec(stdout)?.[1];
}
