import assert from "node:assert/strict";
import { test } from "node:test";
import type { ResourceClaim } from "#api/resource/v1/types.gen";
import { FakeClock, formatTime } from "#apimachinery";
import { isBindingHopeless } from "./binding-conditions.ts";
import { waitForDevices } from "./wait-for-devices.ts";

const KEY = "default/claim";
const result = { request: "r", driver: "d", pool: "p", device: "x" };

function claim(clock: FakeClock, conditions: Readonly<Record<string, string>> = {}): ResourceClaim {
  const lastTransitionTime = formatTime(clock.now());
  return {
    apiVersion: "resource.k8s.io/v1",
    kind: "ResourceClaim",
    metadata: { name: "claim", namespace: "default" },
    spec: {},
    status: {
      allocation: {
        allocationTimestamp: formatTime(clock.now()),
        devices: {
          results: [{ ...result, bindingConditions: ["Ready"], bindingFailureConditions: ["Lost"] }],
        },
      },
      devices: [
        {
          driver: "d",
          pool: "p",
          device: "x",
          conditions: Object.entries(conditions).map(([type, status]) => ({
            type,
            status,
            reason: "Because",
            message: "so",
            lastTransitionTime,
          })),
        },
      ],
    },
  };
}

function start() {
  const clock = new FakeClock();
  let now: ResourceClaim | undefined = claim(clock);
  let tell: ((key: string) => void) | undefined;
  const counted: string[] = [];
  const done = waitForDevices(
    {
      dra: {
        claim: () => now,
        onClaim: (changed) => {
          tell = changed;
          return () => undefined;
        },
      },
      clock,
      metrics: {
        inc: (name, { status }) => void counted.push(`${name} ${status}`),
        set: () => undefined,
        observe: () => undefined,
      },
      profileName: "default-scheduler",
      timeoutMs: 600_000,
    },
    [now],
    new AbortController().signal,
  );
  const become = (next: ResourceClaim | undefined): void => {
    now = next;
    tell?.(KEY);
  };
  return { clock, become, done, counted };
}

test("waitForDevices resolves when every binding condition is true", async () => {
  const { clock, become, done, counted } = start();
  become(claim(clock, { Ready: "False" }));
  become(claim(clock, { Ready: "True", Lost: "False" }));
  await done;
  assert.deepEqual(counted, ["scheduler_dra_bindingconditions_allocations_total success"]);
});

test("waitForDevices rejects when the driver gives up", async () => {
  const { clock, become, done, counted } = start();
  become(claim(clock, { Lost: "True" }));
  await assert.rejects(done, {
    message: 'device binding failed: claim=claim, reason=Because, message="so"',
  });
  assert.deepEqual(counted, ["scheduler_dra_bindingconditions_allocations_total failure"]);
});

test("waitForDevices rejects when it takes too long, and when the claim goes", async () => {
  const late = start();
  late.clock.advance(600_000);
  await assert.rejects(late.done, /^Error: device binding timeout: /);
  const gone = start();
  gone.become(undefined);
  await assert.rejects(gone.done, { message: 'resourceclaim.resource.k8s.io "claim" not found' });
});

test("isBindingHopeless is true after a failure or the deadline", () => {
  const clock = new FakeClock();
  const waiting = claim(clock);
  const after = (ms: number): boolean => isBindingHopeless(waiting, 600_000, clock.now() + ms);
  assert.deepEqual([after(0), after(599_000), after(601_001)], [false, false, true]);
  const states = [{ Ready: "True" }, { Lost: "True" }].map((conditions) =>
    isBindingHopeless(claim(clock, conditions), 600_000, clock.now() + 700_000),
  );
  assert.deepEqual(states, [false, true]);
});
