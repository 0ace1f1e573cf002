import assert from "node:assert/strict";
import { test } from "node:test";
import {
  FakeClock,
  notFound,
  silentLogger,
  StatusError,
  type KubeObject,
  type LogFields,
} from "#apimachinery";
import type { Event } from "#api/core/v1/types.gen";
import type { Client, ObjectRef, Patch } from "./client.ts";
import { newEventRecorder, type BufferedEventRecorder } from "./event-recorder.ts";
import { testPod } from "./scripted-transport.ts";

interface Setup {
  readonly clock: FakeClock;
  readonly recorder: BufferedEventRecorder;
  readonly events: Map<string, Event>;
  /** Thrown by the next writes. */
  readonly failures: Error[];
  /** How many dropped events each error line told of. */
  readonly errors: unknown[];
}

/** A recorder over a server that keeps events in a map. */
function setup(): Setup {
  const clock = new FakeClock();
  const events = new Map<string, Event>();
  const failures: Error[] = [];
  const client = {
    create: async (_: unknown, event: KubeObject) => {
      const failure = failures.shift();
      if (failure !== undefined) throw failure;
      events.set(event.metadata.name, event as Event);
      return event;
    },
    patch: async (_: unknown, { name }: ObjectRef, { body }: Patch) => {
      const old = events.get(name);
      if (old === undefined) throw notFound({ group: "", resource: "events" }, name);
      const event = Object.assign({}, old, body);
      events.set(name, event);
      return event;
    },
  } as unknown as Client;
  const signal = new AbortController().signal;
  const errors: unknown[] = [];
  const logger = {
    ...silentLogger,
    error: (_: string, fields?: LogFields) => void errors.push(fields?.["dropped"]),
  };
  const options = { client, component: "kubelet", host: "node-1", clock, random: () => 0.5, logger };
  return { clock, recorder: newEventRecorder(options, signal), events, failures, errors };
}

const summary = (events: Map<string, Event>) =>
  [...events.values()].map(({ count, reason, message }) => `${count}x ${reason}: ${message}`);

test("event() writes who saw what about which object", async () => {
  const { recorder, events } = setup();
  const options = { fieldPath: "spec.containers{web}" };
  recorder.event(testPod("a", "7"), "Normal", "Pulled", "Container image already present", options);
  await recorder.flush();
  const [event] = events.values();
  const { metadata, ...rest } = event!;
  assert.match(metadata.name, /^a\.[0-9a-f]{14,16}$/);
  assert.equal(metadata.namespace, "default");
  const time = "2026-01-01T00:00:00Z";
  assert.deepEqual(rest, {
    apiVersion: "v1",
    kind: "Event",
    involvedObject: {
      kind: "Pod",
      apiVersion: "v1",
      name: "a",
      namespace: "default",
      uid: "uid-a",
      resourceVersion: "7",
      fieldPath: "spec.containers{web}",
    },
    reason: "Pulled",
    message: "Container image already present",
    source: { component: "kubelet", host: "node-1" },
    firstTimestamp: time,
    lastTimestamp: time,
    count: 1,
    type: "Normal",
    reportingComponent: "kubelet",
    reportingInstance: "node-1",
  });
});

test("event() counts repeats up in the event that was written first", async () => {
  const { recorder, events, clock } = setup();
  for (let i = 0; i < 3; i++) {
    recorder.event(testPod("a", "1"), "Warning", "BackOff", "Back-off restarting failed container");
    await recorder.flush();
    clock.advance(10_000);
  }
  assert.deepEqual(summary(events), ["3x BackOff: Back-off restarting failed container"]);
  const [event] = events.values();
  assert.equal(event!.firstTimestamp, "2026-01-01T00:00:00Z");
  assert.equal(event!.lastTimestamp, "2026-01-01T00:00:20Z");
});

test("event() writes a counted event anew when the server has forgotten it", async () => {
  const { recorder, events } = setup();
  recorder.event(testPod("a", "1"), "Normal", "Killing", "Stopping");
  await recorder.flush();
  events.clear();
  recorder.event(testPod("a", "1"), "Normal", "Killing", "Stopping");
  await recorder.flush();
  assert.deepEqual(summary(events), ["2x Killing: Stopping"]);
});

test("event() combines similar ones from the tenth message on, and separates them again after ten minutes", async () => {
  const { recorder, events, clock } = setup();
  for (let i = 0; i < 12; i++) recorder.event(testPod("a", "1"), "Warning", "Failed", `try ${i}`);
  await recorder.flush();
  assert.equal(events.size, 10);
  assert.equal(summary(events).at(-1), "3x Failed: (combined from similar events): try 11");
  clock.advance(601_000);
  recorder.event(testPod("a", "1"), "Warning", "Failed", "try 13");
  await recorder.flush();
  assert.equal(summary(events).at(-1), "1x Failed: try 13");
});

test("event() counts by the part of the object, and combines those of all its parts", async () => {
  const { recorder, events } = setup();
  const about = (fieldPath: string, message: string) =>
    recorder.event(testPod("a", "1"), "Warning", "Failed", message, {
      fieldPath,
      annotations: { part: fieldPath },
    });
  about("spec.containers{x}", "same");
  about("spec.containers{y}", "same");
  for (let i = 0; i < 9; i++) about(`spec.containers{c${i}}`, `try ${i}`);
  await recorder.flush();
  const [first, second] = events.values();
  assert.deepEqual([first!.count, second!.count], [1, 1]);
  const last = [...events.values()].at(-1)!;
  assert.equal(last.message, "(combined from similar events): try 8");
  assert.equal(last.metadata.annotations, undefined);
  assert.equal(last.reportingComponent, undefined);
});

test("event() lets 25 about one object through, then one in five minutes", async () => {
  const { recorder, events, clock } = setup();
  const flood = async () => {
    for (let i = 0; i < 40; i++)
      recorder.event(testPod("a", "1"), "Normal", `Reason${clock.now()}-${i}`, "flood");
    await recorder.flush();
  };
  await flood();
  assert.equal(events.size, 25);
  clock.advance(300_000);
  await flood();
  assert.equal(events.size, 26);
  recorder.event(testPod("b", "1"), "Normal", "Other", "not affected");
  await recorder.flush();
  assert.equal(events.size, 27);
});

test("event() tries again when the server is away, and not when it refuses", async () => {
  const { recorder, events, clock, failures } = setup();
  failures.push(new Error("connection refused"), new Error("connection refused"));
  recorder.event(testPod("a", "1"), "Normal", "Started", "Started container");
  await clock.advanceAsync(5_000);
  assert.equal(events.size, 0);
  await clock.advanceAsync(10_000);
  assert.equal(events.size, 1);
  failures.push(new StatusError("Forbidden", "namespace is terminating"));
  recorder.event(testPod("b", "1"), "Normal", "Started", "Started container");
  await recorder.flush();
  assert.equal(events.size, 1);
});

test("event() drops what does not fit in its queue, and says so once in ten seconds", async () => {
  const { recorder, events, clock, errors } = setup();
  for (let i = 0; i < 1_100; i++) recorder.event(testPod(`p${i}`, "1"), "Normal", "Many", "many");
  await recorder.flush();
  assert.equal(events.size, 1_000);
  assert.deepEqual(errors, [1]);
  clock.advance(10_000);
  for (let i = 0; i < 1_100; i++) recorder.event(testPod(`q${i}`, "1"), "Normal", "Many", "many");
  assert.deepEqual(errors, [1, 100]);
});

test("event() of a cluster-scoped object goes to the default namespace", async () => {
  const { recorder, events } = setup();
  const node = { apiVersion: "v1", kind: "Node", metadata: { name: "system:node", uid: "u" } };
  recorder.event(node, "Normal", "NodeReady", "Node is ready", { component: "node-controller" });
  await recorder.flush();
  const [event] = events.values();
  assert.equal(event!.metadata.namespace, "default");
  assert.match(event!.metadata.name, /^event\./);
  assert.equal(event!.source?.component, "node-controller");
});
