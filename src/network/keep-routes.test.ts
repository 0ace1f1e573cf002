import assert from "node:assert/strict";
import { test } from "node:test";
import type { Node } from "#api/core/v1/types.gen";
import { FakeClock, silentLogger, type Kind, type KubeObject } from "#apimachinery";
import type { EventHandler, InformerFactory, SharedInformer } from "#client";
import { keepRoutes } from "./keep-routes.ts";
import type { NetworkTools } from "./network-tools.ts";
import { NO_TUNNEL, tunnelState } from "./tunnel.ts";

const HERE = nodeOf("a", "192.168.49.2", "10.244.0.0/24");
const NEAR = nodeOf("b", "192.168.49.3", "10.244.1.0/24");
const FAR = nodeOf("c", "192.168.50.4", "10.244.2.0/24");
const TO_NEAR = "route replace 10.244.1.0/24 via 192.168.49.3 proto 88";
const TO_FAR = "route replace 10.244.2.0/24 via 10.244.2.0 dev k8ts.vxlan onlink proto 88";
/** In /proc/net/route. */
const KERNEL_ROUTES =
  "eth0\t0001F40A\t0331A8C0\t0003\t0\t0\t0\t00FFFFFF\nx\t0002F40A\t0002F40A\t0003\t0\t0\t0\t00FFFFFF\n";

test("keepRoutes() takes away all that led to a node that is gone", async () => {
  await using given = await start([HERE, NEAR, FAR]);
  assert.ok(given.log.includes(TO_NEAR) && given.log.includes(TO_FAR));
  assert.deepEqual(await given.change([NEAR]), [
    "fdb del 0a:58:c0:a8:32:04 dev k8ts.vxlan dst 192.168.50.4",
    "route del 10.244.2.0/24 proto 88",
    "neigh del 10.244.2.0 dev k8ts.vxlan",
  ]);
  assert.deepEqual(await given.change([]), ["route del 10.244.1.0/24 proto 88"]);
});

test("keepRoutes() takes over what an earlier agent made, and takes away what of it is needed no more", async () => {
  const tunnel = tunnelState(
    new Map([
      ["10.244.2.0/24", "192.168.50.4"],
      ["10.244.7.0/24", "192.168.50.7"],
    ]),
  );
  const routes = [
    ["10.244.1.0/24", "192.168.49.3"],
    ["10.244.2.0/24", "10.244.2.0"],
    ["10.244.7.0/24", "10.244.7.0"],
  ] as const;
  await using given = await start([HERE, NEAR, FAR], { tunnel, routes: new Map(routes) });
  assert.deepEqual(
    given.log.filter((line) => /^(?:route|fdb|neigh)/.test(line)),
    [
      "fdb del 0a:58:c0:a8:32:07 dev k8ts.vxlan dst 192.168.50.7",
      "route del 10.244.7.0/24 proto 88",
      "neigh del 10.244.7.0 dev k8ts.vxlan",
    ],
  );
});

test("keepRoutes() makes routes again that the kernel dropped with their interface", async () => {
  await using given = await start([HERE, NEAR, FAR]);
  assert.deepEqual(await given.tick(), []);
  given.kernel.text = "";
  const made = await given.tick();
  for (const line of [TO_NEAR, TO_FAR, "link set k8ts.vxlan mtu 8951 up"])
    assert.ok(made.includes(line), line);
  given.kernel.text = KERNEL_ROUTES;
  assert.deepEqual(await given.tick(), []);
});

test("keepRoutes() lets the tunnel carry what its link takes, also where pods are to send more", async () => {
  await using given = await start([HERE, FAR], {}, 9_001);
  assert.ok(given.log.includes("link set k8ts.vxlan mtu 8951 up"));
});

test("keepRoutes() looks again at what is there after a step that failed", async () => {
  await using given = await start([HERE, NEAR]);
  given.kernel.isBroken = true;
  assert.deepEqual(await given.change([]), []);
  given.kernel.isBroken = false;
  // somebody has done it meanwhile
  assert.deepEqual(await given.tick(), []);
  assert.deepEqual(await given.change([NEAR]), [TO_NEAR]);
});

interface Kernel {
  tunnel: typeof NO_TUNNEL;
  routes: ReadonlyMap<string, string>;
  text: string;
  isBroken: boolean;
}

async function start(nodes: readonly Node[], there: Partial<Kernel> = {}, mtu?: number) {
  const log: string[] = [];
  const clock = new FakeClock();
  const stop = new AbortController();
  const kernel: Kernel = {
    tunnel: NO_TUNNEL,
    routes: new Map(),
    text: KERNEL_ROUTES,
    isBroken: false,
    ...there,
  };
  let current = nodes;
  const { informers, wake } = informersOf(() => current);
  const note = (lines: readonly string[]): Promise<void> => {
    if (kernel.isBroken && lines.length > 0) return Promise.reject(new Error("ip failed"));
    log.push(...lines);
    return Promise.resolve();
  };
  const tools = {
    ip: note,
    bridge: note,
    nft: (script: string) => note(script.split("\n")),
    routes: () => Promise.resolve(kernel.routes),
    linkOf: () => Promise.resolve({ name: "eth0", mtu: 9_001, prefixLength: 24 }),
    tunnelAddress: () => Promise.resolve("192.168.49.2"),
    tunnelPeers: () => Promise.resolve(kernel.tunnel),
    routeTables: () => Promise.resolve({ ipv4: kernel.text, ipv6: "" }),
    writeFile: () => Promise.resolve(),
    hasInterface: () => true,
  } as unknown as NetworkTools;
  const settled = async (): Promise<readonly string[]> => {
    const from = log.length;
    for (let i = 0; i < 4; i++) {
      await new Promise((resolve) => setImmediate(resolve));
      clock.advance(i === 0 ? 0 : 5);
    }
    return log.slice(from).filter((line) => line !== "" && !line.includes("node-ips"));
  };
  const running = keepRoutes(
    {
      informers,
      clock,
      logger: silentLogger,
      tools,
      nodeName: "a",
      nodeIPs: ["192.168.49.2"],
      clusterCIDRs: ["10.244.0.0/16"],
      serviceCIDRs: [],
      cniConfDir: "/conf",
      cniDataDir: "/data",
      isOurs: true,
      ...(mtu !== undefined && { mtu }),
    },
    stop.signal,
  );
  await settled();
  return {
    log,
    kernel,
    /** What the change of nodes brings about. */
    change: (to: readonly Node[]) => {
      current = [HERE, ...to];
      wake();
      return settled();
    },
    /** What time brings about. */
    tick: () => {
      clock.advance(10_000);
      return settled();
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
    },
  };
}

function informersOf(nodes: () => readonly Node[]): {
  readonly informers: InformerFactory;
  readonly wake: () => void;
} {
  const handlers: EventHandler<Node>[] = [];
  const informer = <T extends KubeObject>({ names }: Kind<T>): SharedInformer<T> => {
    const isNode = names.plural === "nodes";
    const lister = { list: () => (isNode ? nodes() : []) };
    const addEventHandler = (handler: EventHandler<Node>): void => void (isNode && handlers.push(handler));
    return { addEventHandler, lister } as never;
  };
  const informers = {
    informer,
    start: () => {},
    waitForSync: () => Promise.resolve(),
  } as never as InformerFactory;
  return { informers, wake: () => handlers.forEach(({ onUpdate }) => onUpdate?.(NEAR, NEAR)) };
}

function nodeOf(name: string, address: string, podCIDR: string): Node {
  const status = { addresses: [{ type: "InternalIP", address }] };
  return { apiVersion: "v1", kind: "Node", metadata: { name }, spec: { podCIDR }, status };
}
