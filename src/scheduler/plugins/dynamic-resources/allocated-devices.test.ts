import assert from "node:assert/strict";
import { test } from "node:test";
import type { AllocationResult } from "#api/resource/v1/types.gen";
import { formatQuantity } from "#apimachinery";
import { AllocatedDevices } from "./allocated-devices.ts";

const having = (device: string, more: object = {}): AllocationResult => ({
  devices: { results: [{ request: "r", driver: "d", pool: "p", device, ...more }] },
});
const share = (shareID: string, amount: string): AllocationResult =>
  having("nic", { shareID, consumedCapacity: { bandwidth: amount } });

test("AllocatedDevices counts a device until the last who knows of its allocation lets go", () => {
  const allocated = new AllocatedDevices();
  const versions = [allocated.versionOf("d/p")];
  const step = (change: () => void): void => {
    change();
    versions.push(allocated.versionOf("d/p"));
  };
  step(() => allocated.add(having("one"))); // promised
  step(() => allocated.add(having("one"))); // written
  step(() => allocated.delete(having("one")));
  assert.equal(allocated.isDedicated("d/p/one"), true);
  step(() => allocated.delete(having("one")));
  assert.equal(allocated.isDedicated("d/p/one"), false);
  const changed = versions.map((version, i) => i > 0 && version > versions[i - 1]!);
  assert.deepEqual(changed, [false, true, false, false, true]);
  step(() => allocated.delete(having("one")));
  assert.equal(versions.at(-1), versions.at(-2));
});

test("AllocatedDevices sums the shares of a device, each once", () => {
  const allocated = new AllocatedDevices();
  const bandwidth = (): string => {
    const amount = allocated.shared.get("d/p/nic")?.get("bandwidth");
    return amount === undefined ? "none" : formatQuantity(amount);
  };
  const seen = [bandwidth()];
  for (const one of [share("a", "1G"), share("b", "2G"), share("a", "1G")]) {
    allocated.add(one);
    seen.push(bandwidth());
  }
  for (const one of [share("a", "1G"), share("a", "1G"), share("b", "2G")]) {
    allocated.delete(one);
    seen.push(bandwidth());
  }
  assert.deepEqual(seen, ["none", "1G", "3G", "3G", "3G", "2G", "none"]);
});

test("AllocatedDevices leaves a device that is used with admin access to others", () => {
  const allocated = new AllocatedDevices();
  allocated.add(having("one", { adminAccess: true }));
  assert.deepEqual([allocated.isDedicated("d/p/one"), allocated.versionOf("d/p")], [false, 0]);
});
