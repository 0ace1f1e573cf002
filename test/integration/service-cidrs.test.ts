/** A ServiceCIDR is made ready, gives addresses, and stays until the last of them is gone. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isNotFound, silentLogger, systemClock, type KubeObject } from "#apimachinery";
import { createApiServer } from "#apiserver";
import type { Service } from "#api/core/v1/types.gen";
import type { ServiceCIDR } from "#api/networking/v1/types.gen";
import { newClient, newEventRecorder, newInformerFactory } from "#client";
import { startManager } from "#controller-runtime";
import { newControllers } from "#controllers";
import { openMemoryStore } from "#storage";

const never = new AbortController().signal;
const CIDRS = "/apis/networking.k8s.io/v1/servicecidrs";
const SERVICES = "/api/v1/namespaces/default/services";
/** The grace of a range without addresses is ten seconds; the rest is for a slow machine. */
const WAIT_MS = 60_000;

test("a ServiceCIDR gives addresses until it is deleted, and goes after the last of them", async (t) => {
  await using server = await createApiServer({ store: await openMemoryStore(), serviceCIDR: "10.0.0.0/30" });
  const stop = new AbortController();
  t.after(() => stop.abort());
  const transport = server.transport();
  const send = async (method: "GET" | "POST" | "DELETE", path: string, body?: unknown): Promise<KubeObject> =>
    (await transport.request({ method, path, ...(body !== undefined && { body }) }, never))
      .body as KubeObject;
  const client = newClient(transport);
  const parts = { clock: systemClock, random: () => 0.5, logger: silentLogger };
  const informers = newInformerFactory({ client, ...parts, freeze: true });
  const recorder = newEventRecorder({ client, component: "test", ...parts }, stop.signal);
  const context = { client, informers, recorder, clock: systemClock, logger: silentLogger };
  const controllers = newControllers(context, { names: ["service-cidr-controller"] });
  const manager = startManager({ ...context, random: parts.random, controllers }, stop.signal);
  const cidr = async (name: string): Promise<ServiceCIDR> =>
    (await send("GET", `${CIDRS}/${name}`)) as ServiceCIDR;
  const ready = async (name: string): Promise<readonly unknown[]> => {
    const { status, metadata } = await cidr(name);
    const [condition] = status?.conditions ?? [];
    return [condition?.status, condition?.reason, metadata.finalizers];
  };
  const finalizers = ["networking.k8s.io/service-cidr-finalizer"];
  await send("POST", CIDRS, { metadata: { name: "more" }, spec: { cidrs: ["10.1.0.0/24"] } });
  for (const name of ["kubernetes", "more"])
    await eventually(async () => assert.deepEqual(await ready(name), ["True", "", finalizers]));
  const service = (name: string): Promise<KubeObject> =>
    send("POST", SERVICES, { metadata: { name }, spec: { ports: [{ port: 80 }] } });
  // The default range holds two addresses, one of which is taken.
  await service("a");
  const { spec } = (await service("b")) as Service;
  assert.match(spec!.clusterIP!, /^10\.1\.0\./);
  await send("DELETE", `${CIDRS}/more`);
  await eventually(async () => assert.deepEqual(await ready("more"), ["False", "Terminating", finalizers]));
  await assert.rejects(service("c"), /range is full/);
  await send("DELETE", `${SERVICES}/b`);
  await eventually(() => assert.rejects(cidr("more"), isNotFound));
  stop.abort();
  await manager.stopped;
});

async function eventually(run: () => Promise<unknown>): Promise<void> {
  const untilMs = performance.now() + WAIT_MS;
  for (;;) {
    try {
      await run();
      return;
    } catch (err) {
      if (performance.now() > untilMs) throw err;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}
