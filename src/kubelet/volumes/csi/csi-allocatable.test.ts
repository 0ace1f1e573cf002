import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock, silentLogger } from "#apimachinery";
import type { CSIDriver } from "#api/storage/v1/types.gen";
import type { VolumeSpec } from "../volume-spec.ts";
import { CsiAllocatable } from "./csi-allocatable.ts";
import { isExhausted } from "./csi-exhausted.ts";

function driverObject(seconds: number | undefined): CSIDriver {
  const period = seconds === undefined ? {} : { nodeAllocatableUpdatePeriodSeconds: seconds };
  return { apiVersion: "storage.k8s.io/v1", kind: "CSIDriver", metadata: { name: "d" }, spec: period };
}

/** What waits for the clock goes on. */
async function advance(clock: FakeClock, ms: number): Promise<void> {
  clock.advance(ms);
  await new Promise((resolve) => setImmediate(resolve));
}

test("CsiAllocatable asks a driver as often as its object says, while it is here", async () => {
  const clock = new FakeClock(0);
  const asked: number[] = [];
  let object: CSIDriver | undefined = driverObject(10);
  let isHere = false;
  const allocatable = new CsiAllocatable({
    clock,
    logger: silentLogger,
    isRegistered: () => isHere,
    object: () => object,
    refresh: async () => void asked.push(clock.now() / 1000),
  });
  allocatable.sync("d");
  await advance(clock, 10_000);
  isHere = true;
  allocatable.sync("d");
  await advance(clock, 10_000);
  allocatable.sync("d");
  await advance(clock, 10_000);
  object = driverObject(30);
  allocatable.sync("d");
  await advance(clock, 10_000);
  await advance(clock, 20_000);
  object = driverObject(undefined);
  allocatable.sync("d");
  await advance(clock, 60_000);
  assert.deepEqual(asked, [20, 30, 60]);
  await allocatable.close();
});

const cases = [
  { name: "no room on the node", seconds: 10, errorCode: 8, want: true },
  { name: "another failure", seconds: 10, errorCode: 13, want: false },
  { name: "a failure without a code", seconds: 10, errorCode: undefined, want: false },
  { name: "a driver that keeps nothing up to date", seconds: undefined, errorCode: 8, want: false },
];

for (const { name, seconds, errorCode, want } of cases) {
  test(`isExhausted() is ${want} for ${name}`, async () => {
    const refreshed: string[] = [];
    const spec = { persistent: { spec: { csi: { driver: "d", volumeHandle: "v" } } } };
    const attachment = { status: { attachError: { message: "no", errorCode } } };
    const tools = {
      client: { get: async () => attachment, patch: async () => ({}) },
      nodeName: "n",
      logger: silentLogger,
      objects: { get: async () => driverObject(seconds) },
      refresh: async (driver: string) => void refreshed.push(driver),
    };
    const signal = new AbortController().signal;
    assert.equal(await isExhausted(tools as never, spec as unknown as VolumeSpec, signal), want);
    assert.deepEqual(refreshed, want ? ["d"] : []);
  });
}
