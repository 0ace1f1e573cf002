import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "#apimachinery";
import type { EventHandler, SharedInformer } from "#client";
import { newClaim, newVolume } from "../testing/volumes.ts";
import { countVolumes } from "./volume-metrics.ts";

/** Only what `countVolumes` asks of an informer. */
function scripted<T extends KubeObject>(): { informer: SharedInformer<T>; handler: () => EventHandler<T> } {
  let handler: EventHandler<T> = {};
  const addEventHandler = (added: EventHandler<T>): (() => void) => {
    handler = added;
    return () => {};
  };
  return { informer: { addEventHandler } as unknown as SharedInformer<T>, handler: () => handler };
}

test("countVolumes() counts volumes by plugin and claims by class, as they come, are bound and go", () => {
  const shown = new Map<string, number>();
  const metrics = {
    inc: () => {},
    observe: () => {},
    set: (name: string, labels: Readonly<Record<string, string>>, value: number) =>
      void shown.set(`${name.replace("pv_collector_", "")} ${Object.values(labels).join()}`, value),
  };
  const volumes = scripted<ReturnType<typeof newVolume>>();
  const claims = scripted<ReturnType<typeof newClaim>>();
  countVolumes(metrics, volumes.informer, claims.informer);
  const disk = newVolume("a", { csi: { driver: "disks", volumeHandle: "1" }, storageClassName: "fast" });
  volumes.handler().onAdd?.(disk, false);
  volumes.handler().onAdd?.(newVolume("b", { hostPath: { path: "/x" } }), false);
  volumes.handler().onUpdate?.({ ...disk, status: { phase: "Bound" } }, disk);
  claims.handler().onAdd?.(newClaim("c"), false);
  claims.handler().onDelete?.(newClaim("c"));
  assert.deepEqual(Object.fromEntries(shown), {
    "total_pv_count kubernetes.io/csi:disks,Filesystem": 1,
    "total_pv_count kubernetes.io/host-path,Filesystem": 1,
    "bound_pv_count fast": 1,
    "unbound_pv_count fast": 0,
    "unbound_pv_count ": 1,
    "unbound_pvc_count default,,": 0,
  });
});
