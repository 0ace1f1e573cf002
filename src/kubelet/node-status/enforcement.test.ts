import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "#apimachinery";
import { noCgroups } from "../cgroups/no-cgroups.ts";
import { podsCgroup, reservedCgroups } from "./enforcement.ts";
import { enforcePods, enforceReserved } from "./node-allocatable.ts";

const capacity = { cpu: "4", memory: "8Gi", pid: "30000", "hugepages-2Mi": "4Mi", pods: "110" };
const systemReserved = { cpu: "500m", memory: "1Gi", pid: "1000", "ephemeral-storage": "1Gi" };
const kubeReserved = { cpu: "500m" };
const cgroupNames = { systemReservedCgroup: "/system.slice", kubeReservedCgroup: "/runtime.slice" };

test("podsCgroup() keeps what is reserved from pods, unless nobody wants it", () => {
  const config = { systemReserved, kubeReserved };
  assert.deepEqual(podsCgroup(capacity, config, ["2Mi", "1Gi"]), {
    cpuShares: 3072,
    memoryLimitBytes: 7 * 2 ** 30,
    pidsMax: 29_000,
    hugepageLimits: { "2MB": 4_194_304, "1GB": 0 },
  });
  assert.deepEqual(podsCgroup(capacity, { ...config, enforceNodeAllocatable: ["none"] }, []), {
    cpuShares: 4096,
    memoryLimitBytes: 8 * 2 ** 30,
    pidsMax: 30_000,
    hugepageLimits: { "2MB": 4_194_304 },
  });
});

test("reservedCgroups() bounds the cgroups that are asked for, with their shares alone if so", () => {
  const all = { systemReserved, kubeReserved, ...cgroupNames };
  assert.deepEqual(reservedCgroups(all, []), []);
  const asked = reservedCgroups(
    { ...all, enforceNodeAllocatable: ["pods", "kube-reserved-compressible", "system-reserved"] },
    [],
  );
  assert.deepEqual(asked, [
    {
      what: "System Reserved",
      event: "system reserved",
      path: "/system.slice",
      resources: { cpuShares: 512, memoryLimitBytes: 2 ** 30, pidsMax: 1000 },
    },
    {
      what: "Kube Reserved Compressible",
      event: "kube reserved",
      path: "/runtime.slice",
      resources: { cpuShares: 512 },
    },
  ]);
});

function enforcing(cgroups: Partial<typeof noCgroups>) {
  const clock = new FakeClock();
  const told: string[] = [];
  const reserved = reservedCgroups(
    { systemReserved, ...cgroupNames, enforceNodeAllocatable: ["system-reserved"] },
    [],
  );
  const recorder = {
    event: (_about: unknown, type: string, reason: string, message: string) =>
      void told.push(`${type} ${reason}: ${message}`),
  };
  const options = {
    clock,
    recorder,
    cgroups: { ...noCgroups, ...cgroups },
    nodeName: "n1",
    pods: { cpuShares: 2 },
    reserved,
  };
  return { clock, told, options };
}

test("enforceReserved() rejects when the cgroup is not there, and tells of it", async () => {
  const { told, options } = enforcing({});
  await assert.rejects(enforceReserved(options), /Failed to enforce System Reserved Cgroup Limits/u);
  assert.match(told[0] ?? "", /^Warning FailedNodeAllocatableEnforcement: .*"\/system.slice": /u);
  const good = enforcing({ updateExisting: async () => {} });
  await enforceReserved(good.options);
  assert.deepEqual(good.told, [
    "Normal NodeAllocatableEnforced: Updated limits on system reserved cgroup /system.slice",
  ]);
});

test("enforcePods() tries again until pods use no more than they may", async () => {
  let isFull = true;
  const updateRoot = async (): Promise<boolean> => {
    if (isFull) throw new Error("Cannot write 5 to memory.limit_in_bytes of cgroup /kubepods");
    return true;
  };
  const { clock, told, options } = enforcing({ updateRoot });
  const done = enforcePods(options, new AbortController().signal);
  await clock.advanceAsync(59_000);
  isFull = false;
  await clock.advanceAsync(1000);
  await done;
  assert.deepEqual(
    told.map((text) => text.split(":")[0]),
    ["Warning FailedNodeAllocatableEnforcement", "Normal NodeAllocatableEnforced"],
  );
});
