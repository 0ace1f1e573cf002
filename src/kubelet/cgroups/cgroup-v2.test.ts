import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { suite, type TestContext, test } from "node:test";
import { FakeClock, silentLogger } from "#apimachinery";
import type { PodCgroups } from "../platform/platform.ts";
import { linuxCgroups } from "./linux-cgroups.ts";

/** As a machine with systemd and the unified hierarchy shows them: only the files that kubelet reads or writes. */
const MACHINE = {
  "cgroup.controllers": "cpuset cpu io memory hugetlb pids rdma misc\n",
  "cgroup.subtree_control": "cpuset cpu io memory hugetlb pids\n",
  "system.slice/cgroup.controllers": "cpuset cpu io memory hugetlb pids\n",
};
const POD = "kubepods/burstable/podu1";
const RUNNING_POD = {
  [`${POD}/cpu.weight`]: "20\n",
  [`${POD}/cpu.max`]: "50000 100000\n",
  [`${POD}/memory.max`]: "67108864\n",
  [`${POD}/memory.current`]: "12345344\n",
  [`${POD}/pids.current`]: "7\n",
  "kubepods/memory.current": "209715200\n",
  "kubepods/memory.max": "max\n",
  "kubepods/memory.stat": "anon 4182016\nfile 147238912\nkernel 1429504\ninactive_file 104857600\n",
};

async function machine(
  t: TestContext,
  files: Readonly<Record<string, string>>,
): Promise<{ readonly cgroups: PodCgroups; readonly file: (path: string) => Promise<string> }> {
  const mountPoint = await mkdtemp(join(tmpdir(), "k8ts-cgroup2-"));
  t.after(() => rm(mountPoint, { recursive: true }));
  for (const [path, text] of Object.entries(files)) {
    await mkdir(join(mountPoint, dirname(path)), { recursive: true });
    await writeFile(join(mountPoint, path), text);
  }
  const options = { root: "/", clock: new FakeClock(), logger: silentLogger, mountPoint };
  return {
    cgroups: linuxCgroups(options),
    file: async (path) => (await readFile(join(mountPoint, path), "utf8")).trim(),
  };
}

suite("linuxCgroups on version 2", () => {
  test("linuxCgroups writes weights, bandwidth, memory, processes and huge pages", async (t) => {
    const { cgroups, file } = await machine(t, MACHINE);
    const hugepageLimits = { "2MB": 4_194_304, "1GB": 0 };
    await cgroups.ensureRoot({ cpuShares: 2048, memoryLimitBytes: 2 ** 32, pidsMax: 30_000, hugepageLimits });
    const resources = { cpuShares: 512, cpuQuotaUs: 50_000, cpuPeriodUs: 100_000, memoryLimitBytes: 2 ** 26 };
    const parent = await cgroups.ensurePod("u1", "Burstable", { ...resources, pidsMax: 100, hugepageLimits });
    assert.equal(parent, `/${POD}`);
    const written = async (dir: string, names: readonly string[]): Promise<readonly string[]> =>
      Promise.all(names.map(async (name) => `${name} ${await file(`${dir}/${name}`)}`));
    const names = ["cpu.weight", "memory.max", "pids.max", "hugetlb.2MB.max", "hugetlb.1GB.max"];
    assert.deepEqual(await written("kubepods", names), [
      "cpu.weight 79",
      "memory.max 4294967296",
      "pids.max 30000",
      "hugetlb.2MB.max 4194304",
      "hugetlb.1GB.max 0",
    ]);
    assert.deepEqual(await written(POD, [...names, "cpu.max"]), [
      "cpu.weight 20",
      "memory.max 67108864",
      "pids.max 100",
      "hugetlb.2MB.max 4194304",
      "hugetlb.1GB.max 0",
      "cpu.max 50000 100000",
    ]);
    assert.equal(await file("kubepods/besteffort/cpu.weight"), "1");
    await cgroups.updatePod("u1", "Burstable", { cpuQuotaUs: -1 });
    assert.equal(await file(`${POD}/cpu.max`), "max 100000");
  });

  test("linuxCgroups reads a pod, its processes and the memory of all pods", async (t) => {
    const { cgroups } = await machine(t, { ...MACHINE, ...RUNNING_POD });
    assert.deepEqual(await cgroups.readPod("u1", "Burstable"), {
      cpuShares: 500,
      cpuQuotaUs: 50_000,
      cpuPeriodUs: 100_000,
      memoryLimitBytes: 2 ** 26,
    });
    assert.equal(await cgroups.podProcesses("u1", "Burstable"), 7);
    assert.equal(await cgroups.podProcesses("u2", "Burstable"), undefined);
    const { workingSetBytes, limitBytes } = (await cgroups.podsMemory())!;
    assert.deepEqual([workingSetBytes, limitBytes], [104_857_600, undefined]);
    assert.deepEqual(await cgroups.listPods(), ["u1"]);
  });

  test("linuxCgroups hands controllers down to every level above a pod", async (t) => {
    const { cgroups, file } = await machine(t, MACHINE);
    await cgroups.ensurePod("u1", "BestEffort", {});
    for (const level of ["", "kubepods", "kubepods/besteffort"])
      assert.equal(await file(join(level, "cgroup.subtree_control")), "+hugetlb", level);
  });

  test("linuxCgroups leaves out what the machine cannot bound", async (t) => {
    const { cgroups, file } = await machine(t, { "cgroup.controllers": "cpu memory\n" });
    assert.equal(await cgroups.updateRoot({}), true);
    await cgroups.updateRoot({ memoryLimitBytes: 5, pidsMax: 5, hugepageLimits: { "2MB": 0 } });
    assert.equal(await file("kubepods/memory.max"), "5");
    await assert.rejects(file("kubepods/pids.max"), /ENOENT/u);
  });

  test("linuxCgroups bounds cgroups of others, and makes none", async (t) => {
    const { cgroups, file } = await machine(t, MACHINE);
    await cgroups.updateExisting("/system.slice", { cpuShares: 512, memoryLimitBytes: 2 ** 30 });
    assert.deepEqual(
      [await file("system.slice/cpu.weight"), await file("system.slice/memory.max")],
      ["20", "1073741824"],
    );
    await assert.rejects(
      cgroups.updateExisting("/runtime.slice", { cpuShares: 512 }),
      /cgroup "\/runtime.slice" has some missing paths: .*runtime.slice/u,
    );
  });
});
