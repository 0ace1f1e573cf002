import assert from "node:assert/strict";
import { test } from "node:test";
import { alreadyExists, FakeClock, notFound, StatusError, type KubeObject } from "#apimachinery";
import type { Event } from "#api/events/v1/types.gen";
import type { Client, ObjectRef, Patch } from "./client.ts";
import type { BufferedEventRecorder } from "./event-recorder.ts";
import { newEventSeriesRecorder } from "./event-series-recorder.ts";
import { testPod } from "./scripted-transport.ts";

const MINUTE_MS = 60_000;
const EVENTS = { group: "events.k8s.io", resource: "events" };

interface Setup {
  readonly clock: FakeClock;
  readonly recorder: BufferedEventRecorder;
  readonly events: Map<string, Event>;
  /** `create` and `patch`, in their order. */
  readonly writes: string[];
  /** Thrown by the next writes. */
  readonly failures: Error[];
  readonly settle: (ms?: number) => Promise<void>;
}

/** A recorder over a server that keeps events in a map. */
function setup(): Setup {
  const clock = new FakeClock();
  const events = new Map<string, Event>();
  const [writes, failures]: [string[], Error[]] = [[], []];
  const client = {
    create: async (_: unknown, event: KubeObject) => {
      writes.push("create");
      const failure = failures.shift();
      if (failure !== undefined) throw failure;
      if (events.has(event.metadata.name)) throw alreadyExists(EVENTS, event.metadata.name);
      events.set(event.metadata.name, event as Event);
      return event;
    },
    patch: async (_: unknown, { name }: ObjectRef, { body }: Patch) => {
      writes.push("patch");
      const old = events.get(name);
      if (old === undefined) throw notFound(EVENTS, name);
      events.set(name, Object.assign({}, old, body));
      return events.get(name)!;
    },
  } as unknown as Client;
  const options = { client, component: "default-scheduler", host: "cp-1", clock, random: () => 0.5 };
  const recorder = newEventSeriesRecorder(options, new AbortController().signal);
  const settle = async (ms = 0): Promise<void> => {
    await clock.advanceAsync(ms);
    await recorder.flush();
  };
  return { clock, recorder, events, writes, failures, settle };
}

const podOf = (name: string): KubeObject => testPod(name, "1");
const only = (events: Map<string, Event>): Event => {
  assert.equal(events.size, 1);
  return events.values().next().value!;
};

test("event() writes who did what, seen by whom, about which objects", async () => {
  const { recorder, events, settle } = setup();
  const [victim, preemptor] = [podOf("victim"), podOf("preemptor")];
  recorder.event(victim, "Normal", "Preempted", "Preempted by pod x", {
    action: "Preempting",
    related: preemptor,
  });
  await settle();
  const event = only(events);
  const { reportingController, reportingInstance, action, reason, note, type, regarding, related, series } =
    event;
  assert.deepEqual(
    { reportingController, reportingInstance, action, reason, note, type, series },
    {
      reportingController: "default-scheduler",
      reportingInstance: "default-scheduler-cp-1",
      action: "Preempting",
      reason: "Preempted",
      note: "Preempted by pod x",
      type: "Normal",
      series: undefined,
    },
  );
  assert.deepEqual([regarding?.name, regarding?.kind, related?.name], ["victim", "Pod", "preemptor"]);
  assert.match(event.eventTime, /\.\d{6}Z$/);
  assert.match(event.metadata.name, /^victim\.[0-9a-f]+$/);
});

test("event() makes a series of what happens again, and writes its count at the second and at the end", async () => {
  const { recorder, events, writes, settle } = setup();
  for (const note of ["one", "two", "three", "four"]) {
    recorder.event(podOf("web"), "Warning", "FailedScheduling", note, { action: "Scheduling" });
    await settle(1_000);
  }
  assert.deepEqual([only(events).note, only(events).series?.count, writes], ["one", 2, ["create", "patch"]]);
  await settle(12 * MINUTE_MS);
  assert.deepEqual([only(events).series?.count, writes.length], [4, 3]);
  recorder.event(podOf("web"), "Warning", "FailedScheduling", "later", { action: "Scheduling" });
  await settle();
  assert.deepEqual(
    [...events.values()].map(({ note, series }) => [note, series?.count]),
    [
      ["one", 4],
      ["later", undefined],
    ],
  );
});

test("event() keeps another reason, action, object or revision apart", async () => {
  const { recorder, events, settle } = setup();
  const pod = podOf("web");
  const newer = { ...pod, metadata: { ...pod.metadata, resourceVersion: "77" } };
  recorder.event(pod, "Normal", "Scheduled", "a", { action: "Binding" });
  recorder.event(pod, "Normal", "Scheduled", "a", { action: "Scheduling" });
  recorder.event(pod, "Normal", "Other", "a", { action: "Binding" });
  recorder.event(podOf("db"), "Normal", "Scheduled", "a", { action: "Binding" });
  recorder.event(newer, "Normal", "Scheduled", "a", { action: "Binding" });
  await settle();
  assert.equal(events.size, 5);
});

test("event() writes a series that goes on every half hour, so that the server does not forget it", async () => {
  const { recorder, events, settle } = setup();
  const again = (): void => recorder.event(podOf("web"), "Warning", "FailedScheduling", "no node");
  for (let minute = 0; minute <= 31; minute++) {
    again();
    await settle(MINUTE_MS);
  }
  assert.ok((only(events).series?.count ?? 0) >= 30);
  events.clear(); // it has expired
  for (let minute = 0; minute <= 31; minute++) {
    again();
    await settle(MINUTE_MS);
  }
  assert.ok((only(events).series?.count ?? 0) >= 60, "made again with its count");
});

test("event() tries again what failed on its way, and gives up what the server refuses", async () => {
  const { clock, recorder, events, writes, failures } = setup();
  failures.push(new StatusError("InternalError", "no leader"), new StatusError("Forbidden", "not you"));
  recorder.event(podOf("web"), "Normal", "Scheduled", "a");
  await clock.advanceAsync(0);
  assert.deepEqual([writes.length, events.size], [1, 0]);
  await clock.advanceAsync(12_500);
  await recorder.flush();
  assert.deepEqual([writes.length, events.size], [2, 0]);
});
