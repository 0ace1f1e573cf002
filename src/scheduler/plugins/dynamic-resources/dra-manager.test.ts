import assert from "node:assert/strict";
import { test } from "node:test";
import { ResourceClaims } from "#api/resource/v1/resourceclaim";
import { ResourceSlices } from "#api/resource/v1/resourceslice";
import type { ResourceClaim, ResourceSlice } from "#api/resource/v1/types.gen";
import type { Kind, KubeObject } from "#apimachinery";
import type { EventHandler, InformerFactory } from "#client";
import { SchedulerCache } from "../../cache/scheduler-cache.ts";
import { testNode } from "../../fixture.ts";
import type { DeviceClassResolver } from "./device-class-resolver.ts";
import { DraManager } from "./dra-manager.ts";

const DRIVER = "gpu.example.com";

/** With slices that informers tell of at once. */
function newManager(slices: ResourceSlice[]) {
  const handlers = new Map<string, EventHandler<KubeObject>>();
  const informers = {
    informer: ({ kind }: Kind) => ({
      lister: { get: () => undefined, list: () => (kind === "ResourceSlice" ? slices : []) },
      addEventHandler: (handler: EventHandler<KubeObject>) => void handlers.set(kind, handler),
    }),
  } as unknown as InformerFactory;
  const dra = new DraManager(informers, {} as DeviceClassResolver);
  const handlerOf = ({ kind }: { readonly kind: string }) => handlers.get(kind)!;
  return { dra, slices: handlerOf(ResourceSlices), claims: handlerOf(ResourceClaims) };
}

function sliceOf(node: string, ...devices: readonly string[]): ResourceSlice {
  return {
    apiVersion: "resource.k8s.io/v1",
    kind: "ResourceSlice",
    metadata: { name: node },
    spec: {
      driver: DRIVER,
      nodeName: node,
      pool: { name: node, generation: 1, resourceSliceCount: 1 },
      devices: devices.map((name) => ({ name })),
    },
  };
}

function having(name: string, device: string): ResourceClaim {
  return {
    apiVersion: "resource.k8s.io/v1",
    kind: "ResourceClaim",
    metadata: { name, namespace: "default", uid: name },
    spec: {},
    status: {
      allocation: { devices: { results: [{ request: "r", driver: DRIVER, pool: "p", device }] } },
    },
  };
}

test("DraManager.poolsFor() gathers anew when slices or the node's labels change, and only then", () => {
  const published = [sliceOf("a", "one"), sliceOf("b", "two")];
  const { dra, slices } = newManager(published);
  const cache = new SchedulerCache();
  const devices = (name: string) => dra.poolsFor(cache.get(name)!).flatMap((pool) => pool.devices);
  const names = (name: string): string =>
    devices(name)
      .map(({ device }) => device.name)
      .join(" ");
  for (const name of ["a", "b"]) cache.setNode(testNode(name));
  assert.deepEqual([names("a"), names("b")], ["one", "two"]);
  assert.equal(dra.poolsFor(cache.get("a")!), dra.poolsFor(cache.get("a")!));
  const before = devices("a")[0];
  cache.setNode(testNode("a", { labels: { zone: "z" } }));
  assert.notEqual(devices("a")[0], before);
  published.push({ ...sliceOf("a", "three"), metadata: { name: "more" } });
  published.shift();
  slices.onAdd?.(published.at(-1)!, false);
  assert.deepEqual([names("a"), names("b")], ["three", "two"]);
});

test("DraManager.allocated knows the devices of claims, and those that are about to be taken", () => {
  const { dra, claims } = newManager([]);
  const known = having("x", "one");
  const promised = having("y", "two");
  claims.onAdd?.(known, false);
  dra.promise(promised, promised.status!.allocation!);
  const taken = () => ["one", "two"].map((device) => dra.allocated.isDedicated(`${DRIVER}/p/${device}`));
  assert.deepEqual(taken(), [true, true]);
  claims.onDelete?.(known);
  dra.release(promised);
  assert.deepEqual(taken(), [false, false]);
});
