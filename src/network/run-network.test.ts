import assert from "node:assert/strict";
import { test } from "node:test";
import type { Node } from "#api/core/v1/types.gen";
import { FakeClock, silentLogger, type Kind, type KubeObject } from "#apimachinery";
import type { InformerFactory, SharedInformer } from "#client";
import type { NetworkTools } from "./network-tools.ts";
import { NO_TUNNEL } from "./tunnel.ts";
import { runNetwork, type NetworkOptions } from "./run-network.ts";

test("runNetwork() makes the tunnel before it routes through it, and takes the MTU of the link less its headers", async () => {
  const { log } = await run({});
  const first = (part: string): number => log.findIndex((line) => line.includes(part));
  assert.ok(first("link add k8ts.vxlan") >= 0);
  assert.ok(first("link add k8ts.vxlan") < first("fdb replace"));
  assert.ok(first("fdb replace") < first("route replace 10.244.1.0/24 via 10.244.1.0 dev k8ts.vxlan"));
  assert.match(
    log.find((line) => line.startsWith("write /conf/10-k8ts.conflist"))!,
    /"mtu": 8951/,
  );
});

test("runNetwork() with another plugin guards the ranges of Services, and leaves pods to it", async () => {
  const { log } = await run({ plugin: "cni" });
  assert.ok(log.includes("remove /conf/10-k8ts.conflist"));
  assert.ok(log.some((line) => line.startsWith("route replace 10.96.0.0/12 dev k8ts-svc")));
  for (const part of ["write", "vxlan", "10.244.1.0/24", "masquerade", "add chain"])
    assert.deepEqual(
      log.filter((line) => line.includes(part)),
      [],
      part,
    );
});

test("runNetwork() forwards packets and sees those of bridges, whichever network there is", async () => {
  for (const plugin of ["k8ts", "cni"] as const) {
    const { log } = await run({ plugin });
    for (const name of ["net.ipv4.ip_forward", "net.bridge.bridge-nf-call-iptables"])
      assert.ok(log.includes(`sysctl ${name}=1`), `${plugin}: ${name}`);
  }
});

test("runNetwork() says what the kernel lacks instead of what a program said, and tries again when it was loaded", async () => {
  let failures = 0;
  const failOnce = { ip: () => (failures++ === 0 ? Promise.reject(new Error("exit 2")) : Promise.resolve()) };
  const lacks = {
    kernel: { inNewNamespace: () => Promise.resolve("bridge\n"), load: () => Promise.resolve(false) },
  };
  await assert.rejects(run({}, { ...failOnce, ...lacks }), {
    message: "this machine's kernel lacks bridges; modprobe --all bridge",
  });
  failures = 0;
  const { log } = await run({}, failOnce);
  assert.ok(log.includes("sysctl net.ipv4.ip_forward=1"));
});

test("runNetwork() on a node of one family leaves the other of the cluster alone", async () => {
  const { log } = await run({
    clusterCIDRs: ["10.244.0.0/16", "fd00:10:244::/56"],
    serviceCIDRs: ["fd00:10:96::/112", "10.96.0.0/12"],
  });
  assert.deepEqual(
    log.filter((line) => /ip6|ipv6|fd00/.test(line)),
    [],
  );
});

test("runNetwork() in a cluster of two families forwards both, and goes on listening to the router of its link", async () => {
  const { log } = await run({
    nodeIPs: ["192.168.49.2", "fd01::2"],
    clusterCIDRs: ["10.244.0.0/16", "fd00:10:244::/56"],
    serviceCIDRs: ["10.96.0.0/12", "fd00:10:96::/112"],
  });
  const first = (part: string): number => log.findIndex((line) => line.startsWith(part));
  assert.ok(log.includes("sysctl net.ipv4.ip_forward=1"));
  assert.ok(first("sysctl net/ipv6/conf/eth0/accept_ra=2") < first("sysctl net.ipv6.conf.all.forwarding=1"));
  assert.ok(first("route replace unreachable fd00:10:244::/56") < first("sysctl net.ipv6"));
  for (const table of ["ip6 k8ts-network", "ip6 k8ts-policy", "ip6 k8ts-hostport", "ip k8ts-policy"])
    assert.ok(first(`add table ${table}`) >= 0, table);
});

/** Until all that is known at the start has been done. */
async function run(
  options: Partial<NetworkOptions>,
  others: Partial<NetworkTools> = {},
): Promise<{ readonly log: readonly string[] }> {
  const log: string[] = [];
  const stop = new AbortController();
  const rest = Promise.withResolvers<void>();
  const note = (lines: readonly string[]): Promise<void> => {
    log.push(...lines);
    return Promise.resolve();
  };
  const tools: NetworkTools = {
    ip: (lines) => note(lines),
    bridge: (lines) => note(lines),
    nft: (script) => note(script.split("\n")),
    routes: () => Promise.resolve(new Map()),
    flushRoutes: () => Promise.resolve(),
    hasAdvertisedRoute: () => Promise.resolve(true),
    linkOf: () => Promise.resolve({ name: "eth0", mtu: 9_001, prefixLength: 24 }),
    tunnelAddress: () => Promise.resolve(undefined),
    tunnelPeers: () => Promise.resolve(NO_TUNNEL),
    routeTables: () => Promise.resolve({ ipv4: "", ipv6: "" }),
    sysctl: (name, value) => note([`sysctl ${name}=${value}`]),
    writeFile: (path, text) => note([`write ${path} ${text}`]),
    removeFile: (path) => note([`remove ${path}`]),
    hasInterface: () => false,
    hasIPv6: () => true,
    kernel: { inNewNamespace: () => Promise.resolve(""), load: () => Promise.resolve(false) },
    ...others,
  };
  const nodes = [nodeOf("a", "192.168.49.2", "10.244.0.0/24"), nodeOf("b", "192.168.50.2", "10.244.1.0/24")];
  const running = runNetwork(
    {
      informers: informersOf(nodes),
      clock: new FakeClock(),
      logger: silentLogger,
      tools,
      nodeName: "a",
      nodeIPs: ["192.168.49.2"],
      clusterCIDRs: ["10.244.0.0/16"],
      serviceCIDRs: ["10.96.0.0/12"],
      cniConfDir: "/conf",
      cniDataDir: "/data",
      ...options,
    },
    stop.signal,
  );
  setImmediate(rest.resolve);
  await Promise.race([rest.promise, running]);
  stop.abort();
  await running;
  return { log };
}

/** Knows the nodes, and nothing of any other kind. */
function informersOf(nodes: readonly Node[]): InformerFactory {
  const informer = <T extends KubeObject>({ names }: Kind<T>): SharedInformer<T> => {
    const list = names.plural === "nodes" ? nodes : [];
    const lister = { list: () => list, get: () => undefined, byIndex: () => [] };
    return { addEventHandler: () => {}, addIndexer: () => {}, lister } as never;
  };
  return {
    informer,
    lister: (kind) => informer(kind).lister,
    start: () => {},
    waitForSync: () => Promise.resolve(),
  };
}

function nodeOf(name: string, address: string, podCIDR: string): Node {
  const status = { addresses: [{ type: "InternalIP", address }] };
  return { apiVersion: "v1", kind: "Node", metadata: { name }, spec: { podCIDR }, status };
}
