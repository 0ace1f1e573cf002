import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { access, constants, readFile, rmdir, writeFile } from "node:fs/promises";
import { suite, test } from "node:test";
import { silentLogger, systemClock } from "#apimachinery";
import { linuxCgroups } from "./linux-cgroups.ts";

const V1 = "/sys/fs/cgroup/memory";
const skip = await access(V1, constants.W_OK).then(
  () => (process.getuid?.() === 0 ? false : "needs root"),
  () => "needs writable version 1 cgroups",
);
const root = `/k8ts-kubelet-test-${process.pid}`;

async function hasHugetlb(): Promise<boolean> {
  return access("/sys/fs/cgroup/hugetlb").then(
    () => true,
    () => false,
  );
}

suite("linuxCgroups", { skip }, () => {
  const cgroups = linuxCgroups({ root, clock: systemClock, logger: silentLogger });

  test("linuxCgroups makes, lists and removes a pod's cgroup, with what still runs inside", async () => {
    await cgroups.ensureRoot({ cpuShares: 2048, memoryLimitBytes: 2 ** 30 });
    const parent = await cgroups.ensurePod("u1", "Burstable", { cpuShares: 100, memoryLimitBytes: 2 ** 26 });
    assert.equal(parent, `${root}/kubepods/burstable/podu1`);
    assert.equal((await readFile(`${V1}${parent}/memory.limit_in_bytes`, "utf8")).trim(), String(2 ** 26));
    await cgroups.ensurePod("u1", "Burstable", { memoryLimitBytes: 2 ** 27 });
    assert.equal((await cgroups.readPod("u1", "Burstable")).memoryLimitBytes, 2 ** 26, "it is there already");
    await cgroups.updatePod("u1", "Burstable", {
      cpuShares: 200,
      cpuQuotaUs: 50_000,
      memoryLimitBytes: 2 ** 27,
    });
    assert.deepEqual(await cgroups.readPod("u1", "Burstable"), {
      cpuShares: 200,
      cpuQuotaUs: 50_000,
      cpuPeriodUs: 100_000,
      memoryLimitBytes: 2 ** 27,
    });
    await assert.rejects(
      cgroups.updatePod("u1", "Burstable", { cpuQuotaUs: 1 }),
      /Cannot write 1 to cpu.cfs_quota_us/,
    );
    assert.equal(await cgroups.podProcesses("u1", "Burstable"), 0);
    const memory = await cgroups.podsMemory();
    assert.ok(memory !== undefined && memory.workingSetBytes >= 0 && memory.limitBytes === 2 ** 30);
    assert.equal(await cgroups.ensurePod("u2", "Guaranteed", {}), `${root}/kubepods/podu2`);
    assert.deepEqual([...(await cgroups.listPods())].toSorted(), ["u1", "u2"]);

    const child = spawn("sleep", ["60"]);
    const ended = once(child, "exit");
    await writeFile(`${V1}${parent}/cgroup.procs`, String(child.pid));
    await cgroups.removePod("u1");
    assert.deepEqual(await ended, [null, "SIGKILL"]);
    await cgroups.removePod("u2");
    await cgroups.removePod("u3");
    assert.deepEqual(await cgroups.listPods(), []);
    for (const tree of ["cpu", "memory", "pids", ...((await hasHugetlb()) ? ["hugetlb"] : [])]) {
      for (const path of ["/kubepods/burstable", "/kubepods/besteffort", "/kubepods", ""]) {
        await rmdir(`/sys/fs/cgroup/${tree}${root}${path}`);
      }
    }
  });
});

test("linuxCgroups leaves cgroups to the runtime where none can be written", async () => {
  const cgroups = linuxCgroups({ root, clock: systemClock, logger: silentLogger, mountPoint: "/none" });
  await cgroups.ensureRoot({});
  assert.equal(await cgroups.ensurePod("u1", "BestEffort", {}), "");
  assert.deepEqual(await cgroups.listPods(), []);
  await cgroups.removePod("u1");
});
