import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { nodeAllocatable } from "../node-status/build-node.ts";
import { readHugepages } from "../platform/machine-info.ts";
import { apiPageSize, cgroupPageSize, hugepageLimits } from "./hugepages.ts";
import { containerResources, podCgroupResources } from "./resources.ts";
import { testContainer, testPod } from "./testing.ts";

const MIB = 2 ** 20;

test("cgroupPageSize() and apiPageSize() name sizes as the kernel and the API do", () => {
  assert.deepEqual([65_536, 2 * MIB, 2 ** 30].map(cgroupPageSize), ["64KB", "2MB", "1GB"]);
  assert.deepEqual([64, 2048, 32_768, 1_048_576].map(apiPageSize), ["64Ki", "2Mi", "32Mi", "1Gi"]);
});

test("hugepageLimits() bounds to nothing what nobody asked for, whatever way a size is written", () => {
  const limits = hugepageLimits({ "hugepages-2048Ki": 4 * MIB, cpu: 1 }, ["2Mi", "1Gi"]);
  assert.deepEqual(limits, { "2MB": 4 * MIB, "1GB": 0 });
});

const pages = { "hugepages-2Mi": "4Mi", memory: "1Mi" };
const policy = { memoryCapacityBytes: 2 ** 30, hugepageSizes: ["2Mi", "1Gi"] };

test("containerResources() gives a container its huge pages and no others, else those of the pod as a whole", () => {
  const first = testContainer("c", { resources: { requests: pages, limits: pages } });
  const pod = testPod({ containers: [first, testContainer("d")] });
  assert.deepEqual(containerResources(first, pod, policy).hugepageLimits, [
    { pageSize: "2MB", limit: 4 * MIB },
    { pageSize: "1GB", limit: 0 },
  ]);
  assert.deepEqual(containerResources(pod.spec!.containers[1]!, pod, policy).hugepageLimits?.[0], {
    pageSize: "2MB",
    limit: 0,
  });
  const shared = testPod({ containers: [testContainer("d")], resources: { requests: pages, limits: pages } });
  assert.deepEqual(containerResources(shared.spec!.containers[0]!, shared, policy).hugepageLimits?.[0], {
    pageSize: "2MB",
    limit: 4 * MIB,
  });
});

function own(name: string): ReturnType<typeof testContainer> {
  return testContainer(name, { resources: { requests: pages, limits: pages } });
}

test("podCgroupResources() adds up the huge pages of its containers", () => {
  const { hugepageLimits: limits } = podCgroupResources(
    testPod({ containers: [own("a"), own("b")] }),
    policy,
  );
  assert.deepEqual(limits, { "2MB": 8 * MIB, "1GB": 0 });
});

test("containerResources() and podCgroupResources() bound no CPU without cpuCFSQuota", () => {
  const limits = { cpu: "500m", memory: "1Gi" };
  const pod = testPod({ containers: [testContainer("c", { resources: { limits, requests: limits } })] });
  const free = { ...policy, cpuCFSQuota: false };
  assert.equal(containerResources(pod.spec!.containers[0]!, pod, free).cpuQuota, undefined);
  assert.equal(podCgroupResources(pod, free).cpuQuotaUs, -1);
});

test("readHugepages() tells what the kernel keeps of each size", async (t) => {
  const base = await mkdtemp(join(tmpdir(), "k8ts-hugepages-"));
  t.after(() => rm(base, { recursive: true }));
  for (const [size, count] of Object.entries({ "2048kB": "4\n", "1048576kB": "0\n", "64kB": "2\n" })) {
    await mkdir(join(base, `hugepages-${size}`));
    await writeFile(join(base, `hugepages-${size}`, "nr_hugepages"), count);
  }
  assert.deepEqual(await readHugepages(base), { "2Mi": 8 * MIB, "1Gi": 0, "64Ki": 131_072 });
  assert.deepEqual(await readHugepages(join(base, "none")), {});
});

test("nodeAllocatable() counts memory in huge pages as no memory for others", () => {
  const capacity = { memory: "4194304Ki", "hugepages-2Mi": "1Gi", "hugepages-1Gi": "0" };
  assert.equal(nodeAllocatable(capacity, { memory: "1Gi" })["memory"], "2Gi");
  assert.equal(nodeAllocatable({ memory: "4Gi", "hugepages-2Mi": "0" }, {})["memory"], "4Gi");
});
