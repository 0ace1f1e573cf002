/**
 * The whole proxy as a program for system tests, in the network namespace that it is started in. Reads lines of JSON: first how it is
 * to run, then objects as they become. It ends with its input.
 * @module
 */
import { writeFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import type { Service } from "#api/core/v1/types.gen";
import { serviceKeysOf } from "#api/discovery/v1/service-keys";
import type { EndpointSlice } from "#api/discovery/v1/types.gen";
import { keyOf, silentLogger, systemClock, type Kind, type KubeObject } from "#apimachinery";
import type { EventHandler, InformerFactory, SharedInformer } from "#client";
import { systemAddresses } from "../addresses.ts";
import { systemNft } from "../nftables/nft-runner.ts";
import { runProxy, type ProxyOptions } from "../run-proxy.ts";

export type ProxySettings = Pick<
  ProxyOptions,
  "nodeName" | "nodeIPs" | "clusterCIDRs" | "serviceCIDRs" | "nodePortAddresses"
>;

const objects = new Map<string, Map<string, KubeObject>>();
const handlers = new Map<string, EventHandler<KubeObject>[]>();
const stop = new AbortController();
let running: Promise<void> | undefined;

function sysctl(name: string, value: string): Promise<void> {
  return writeFile(`/proc/sys/${name.replaceAll(".", "/")}`, value);
}

function run(settings: ProxySettings): Promise<void> {
  const own = { informers, clock: systemClock, logger: silentLogger, nft: systemNft(), sysctl };
  return runProxy({ ...own, machineAddresses: systemAddresses, ...settings }, stop.signal);
}

/** New, or in place of what has its name. */
function become(object: KubeObject): void {
  const all = of(objects, object.kind ?? "", () => new Map<string, KubeObject>());
  const key = keyOf(object);
  const old = all.get(key);
  all.set(key, object);
  for (const handler of handlers.get(object.kind ?? "") ?? [])
    if (old === undefined) handler.onAdd?.(object, false);
    else handler.onUpdate?.(object, old);
}

function of<V>(map: Map<string, V>, key: string, make: () => V): V {
  const value = map.get(key) ?? make();
  map.set(key, value);
  return value;
}

/** As far as the proxy asks: its only index is that of slices by their service. */
const informers: InformerFactory = {
  informer<T extends KubeObject>({ kind }: Kind<T>): SharedInformer<T> {
    const all = of(objects, kind, () => new Map<string, KubeObject>());
    const list = (): readonly KubeObject[] => [...all.values()];
    const byIndex = (_: string, key: string): readonly KubeObject[] =>
      list().filter((object) => serviceKeysOf(object as EndpointSlice).includes(key as never));
    const lister = { list, get: (key: string) => all.get(key), byIndex };
    const addEventHandler = (handler: EventHandler<KubeObject>): void =>
      void of(handlers, kind, () => []).push(handler);
    return { addEventHandler, addIndexer: () => {}, lister } as never;
  },
  lister: (kind) => informers.informer(kind).lister,
  start: () => {},
  waitForSync: () => Promise.resolve(),
};

for await (const line of createInterface({ input: process.stdin })) {
  const message = JSON.parse(line) as ProxySettings | Service | EndpointSlice;
  if ("kind" in message) become(message);
  else running = run(message);
}
stop.abort();
await running;
