import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import { test } from "node:test";
import type { Service } from "#api/core/v1/types.gen";
import { FakeClock, keyOf, silentLogger, type Kind, type KubeObject } from "#apimachinery";
import type { EventRecorder, InformerFactory, SharedInformer } from "#client";
import { runProxy, type ProxyOptions } from "./run-proxy.ts";

const DUAL = {
  nodeIPs: ["192.0.2.1", "2001:db8::1"],
  clusterCIDRs: ["10.244.0.0/16", "fd00:244::/56"],
  serviceCIDRs: ["10.96.0.0/12", "fd00:96::/108"],
};

test("runProxy() closes the service range before it knows of any Service, and leaves alone a family that the node has not", async () => {
  const { scripts, stop } = await run({ nodeIPs: DUAL.nodeIPs.slice(0, 1) });
  assert.match(scripts[0]!, /service-ranges \{ 10\.96\.0\.0\/12 \}\n/);
  assert.match(scripts[0]!, / hook /);
  assert.doesNotMatch(scripts.join(""), /ip6/);
  await stop();
});

test("runProxy() serves a Service of two families in both, and one that goes in neither", async () => {
  const { scripts, change, stop } = await run({});
  await change(service());
  assert.match(scripts.at(-2)!, /^add element ip k8ts-proxy-next no-endpoint-services \{ 10\.96\.0\.9 /);
  assert.match(scripts.at(-1)!, /^add element ip6 k8ts-proxy-next no-endpoint-services \{ fd00:96::9 /);
  await change(service(), true);
  assert.match(scripts.at(-2)!, /^delete element ip k8ts-proxy-next no-endpoint-services/);
  assert.match(scripts.at(-1)!, /^delete element ip6 k8ts-proxy-next no-endpoint-services/);
  await stop();
});

test("runProxy() goes on with one family when nft refuses the other, and writes that one anew", async () => {
  const { scripts, change, fail, clock, stop } = await run({});
  fail("add element ip k8ts");
  await change(service());
  assert.match(scripts.at(-1)!, /^add element ip6 k8ts-proxy-next/);
  fail(undefined);
  const before = scripts.length;
  clock.advance(1_000);
  await settle();
  assert.equal(scripts.length, before + 1);
  assert.match(
    scripts.at(-1)!,
    /^add table ip k8ts-proxy\n[^]*no-endpoint-services \{ 10\.96\.0\.9 [^]* hook /,
  );
  await stop();
});

test("runProxy() waits between two transactions, and tells who it is when it starts", async () => {
  const events: string[] = [];
  const event: EventRecorder["event"] = ({ kind, metadata }, type, reason, message, options) =>
    void events.push([kind, metadata.name, type, reason, message, options?.action].join(" "));
  const { scripts, change, clock, stop } = await run({ minSyncMs: 1_000, events: { event } });
  assert.deepEqual(events, ["Node n1 Normal Starting  StartKubeProxy"]);
  const before = scripts.length;
  await change(service());
  assert.equal(scripts.length, before);
  clock.advance(1_000);
  await settle();
  assert.equal(scripts.length, before + 2);
  await stop();
});

test("runProxy() sets what the kernel shall do, or does not start", async () => {
  const sysctls = [["net.netfilter.nf_conntrack_udp_timeout", "30"]] as const;
  const set: string[] = [];
  const { stop } = await run({ sysctls, sysctl: async (name, value) => void set.push(`${name}=${value}`) });
  assert.deepEqual(set, ["net.netfilter.nf_conntrack_udp_timeout=30"]);
  await stop();
  const refused = await run({ sysctls, sysctl: () => Promise.reject(new Error("EROFS")) });
  await assert.rejects(refused.stop(), /could not set conntrack parameters .*: EROFS/);
});

function service(): Service {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "web", namespace: "default" },
    spec: { clusterIP: "10.96.0.9", clusterIPs: ["10.96.0.9", "fd00:96::9"], ports: [{ port: 80 }] },
  };
}

interface Running {
  readonly scripts: readonly string[];
  readonly clock: FakeClock;
  readonly change: (object: Service, isGone?: boolean) => Promise<void>;
  /** From now on, scripts with this text. */
  readonly fail: (text: string | undefined) => void;
  readonly stop: () => Promise<void>;
}

/** On a machine without tables of ours, once the first ones have been written. */
async function run(options: Partial<ProxyOptions>): Promise<Running> {
  const scripts: string[] = [];
  let refused: string | undefined;
  const clock = new FakeClock();
  const controller = new AbortController();
  const services = new Map<string, Service>();
  const handlers: (() => void)[] = [];
  const apply = async (script: string): Promise<void> => {
    const isProbe = script.startsWith("flush chain");
    if (isProbe || (refused !== undefined && script.includes(refused) && !script.startsWith("add table")))
      throw new Error("nft says no");
    scripts.push(script);
  };
  const running = runProxy(
    {
      informers: informersOf(services, handlers),
      clock,
      logger: silentLogger,
      nodeName: "n1",
      ...DUAL,
      nft: { apply, list: () => Promise.resolve() },
      ...options,
    },
    controller.signal,
  );
  running.catch(() => {}); // told by stop(), which may come later
  await settle();
  return {
    scripts,
    clock,
    async change(object, isGone = false) {
      if (isGone) services.delete(keyOf(object));
      else services.set(keyOf(object), object);
      for (const changed of handlers) changed();
      await settle();
      clock.advance(5);
      await settle();
    },
    fail(text) {
      refused = text;
    },
    async stop() {
      controller.abort();
      await running;
    },
  };
}

/** Nothing here waits for anything but the clock. */
async function settle(): Promise<void> {
  for (let i = 0; i < 50; i++) await setImmediate();
}

/** Knows Services, and nothing of any other kind. */
function informersOf(services: ReadonlyMap<string, Service>, changed: (() => void)[]): InformerFactory {
  const informer = <T extends KubeObject>({ names }: Kind<T>): SharedInformer<T> => {
    const isServices = names.plural === "services";
    const lister = {
      list: () => (isServices ? [...services.values()] : []),
      get: (key: string) => (isServices ? services.get(key) : undefined),
      byIndex: () => [],
    };
    const addEventHandler = (handler: { onUpdate: (next: Service, old: Service) => void }): void => {
      if (isServices) changed.push(() => handler.onUpdate(service(), service()));
    };
    return { addEventHandler, addIndexer: () => {}, lister } as never;
  };
  return {
    informer,
    lister: (kind) => informer(kind).lister,
    start: () => {},
    waitForSync: () => Promise.resolve(),
  };
}
