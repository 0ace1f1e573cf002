import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { ResourceRequirements } from "#api/core/v1/types.gen";
import { testContainer, testPod } from "../container/testing.ts";
import type { VolumeHost } from "../platform/platform.ts";
import { simulatedPlatform } from "../platform/simulated.ts";
import { hugePageSize, setUpEmptyDir, tmpfsBytes } from "./empty-dir.ts";
import { linuxVolumes } from "./linux-volumes.ts";

const podWith = (...resources: readonly ResourceRequirements[]) =>
  testPod({ containers: resources.map((one, i) => testContainer(`c${i}`, { resources: one })) });
const MI = 2 ** 20;
const AS_ROOT = { skip: process.getuid?.() === 0 ? false : "changing owners needs root" };

test("tmpfsBytes() is the least of the node, the pod and the volume", () => {
  const limited = podWith({ limits: { memory: "10Mi" } }, { limits: { memory: "20Mi" } });
  const half = podWith({ limits: { memory: "10Mi" } }, {});
  assert.equal(tmpfsBytes(half, undefined, 100 * MI), 100 * MI);
  assert.equal(tmpfsBytes(limited, undefined, 100 * MI), 30 * MI);
  assert.equal(tmpfsBytes(limited, "5Mi", 100 * MI), 5 * MI);
  assert.equal(tmpfsBytes(limited, "50Mi", 100 * MI), 30 * MI);
  const whole = testPod({ resources: { limits: { memory: "7Mi" } } });
  assert.equal(tmpfsBytes(whole, undefined, 100 * MI), 7 * MI);
});

test("hugePageSize() takes the size that the containers ask for", () => {
  const small = podWith({ requests: { "hugepages-2Mi": "4Mi" } });
  const both = podWith({ requests: { "hugepages-2Mi": "4Mi" } }, { requests: { "hugepages-1Gi": "1Gi" } });
  assert.equal(hugePageSize("HugePages", small), String(2 * MI));
  assert.equal(hugePageSize("HugePages-1Gi", both), String(2 ** 30));
  assert.throws(() => hugePageSize("HugePages", both), {
    message: "medium: HugePages can't be used if container requests multiple huge page sizes",
  });
  assert.throws(() => hugePageSize("HugePages-1Gi", small), {
    message:
      "medium HugePages-1Gi: hugePages storage requested, but there is no resource request for huge pages",
  });
});

const GROUP = 4321;
const inGroup = testPod({ securityContext: { fsGroup: GROUP } });
const dies = async (): Promise<never> => Promise.reject(new Error("killed"));
const interrupted: readonly (readonly [step: string, host: Partial<VolumeHost>])[] = [
  [
    "its folder was made",
    {
      makeDir: async (path) => {
        await mkdir(path, { recursive: true, mode: 0o700 });
        await dies();
      },
    },
  ],
  ["its folder had its mode", { setGroup: dies }],
  ["it had its group", { writeFile: dies }],
];

for (const [step, broken] of interrupted)
  test(`setUpEmptyDir() completes a volume that was left when ${step}`, AS_ROOT, async () => {
    const folder = await mkdtemp(join(tmpdir(), "k8ts-empty-dir-"));
    try {
      const paths = { path: join(folder, "volumes/v"), readyPath: join(folder, "plugins/v/ready") };
      const setUp = (host: Partial<VolumeHost>): Promise<void> =>
        setUpEmptyDir({ ...linuxVolumes(), ...host }, inGroup, { name: "v", emptyDir: {} }, paths, MI);
      await assert.rejects(setUp(broken), { message: "killed" });
      await setUp({});
      const { mode, gid } = await stat(paths.path);
      assert.deepEqual([(mode & 0o7777).toString(8), gid], ["2777", GROUP]);
      await chmod(paths.path, 0o700);
      await setUp({});
      assert.equal((await stat(paths.path)).mode & 0o7777, 0o700, "the containers' own from now on");
    } finally {
      await rm(folder, { recursive: true });
    }
  });

const MEDIA: readonly (readonly [
  medium: string,
  isMounted: boolean,
  isReady: boolean,
  want: readonly string[],
])[] = [
  ["Memory", false, false, ["tmpfs 1048576", "group", "ready"]],
  ["Memory", true, true, []],
  ["Memory", true, false, ["tmpfs 1048576", "group", "ready"]],
  ["Memory", false, true, ["tmpfs 1048576", "group", "ready"]],
  ["HugePages-2Mi", false, false, ["hugetlbfs pagesize=2097152", "group", "ready"]],
  ["HugePages-2Mi", true, true, []],
  ["HugePages-2Mi", true, false, ["group", "ready"]],
];

for (const [medium, isMounted, isReady, want] of MEDIA)
  test(`setUpEmptyDir() of ${medium}, mounted: ${isMounted}, ready: ${isReady}`, async () => {
    const done: string[] = [];
    const host: VolumeHost = {
      ...simulatedPlatform().volumes,
      isMounted: async () => isMounted,
      exists: async (path) => path === "/v" || isReady,
      mountTmpfs: async (_, bytes) => void done.push(`tmpfs ${bytes}`),
      mount: async ({ type, options }) => void done.push(`${type} ${options.join(",")}`),
      setGroup: async () => void done.push("group"),
      writeFile: async (path) => void done.push(path.slice(1)),
    };
    const containers = [testContainer("c", { resources: { requests: { "hugepages-2Mi": "2Mi" } } })];
    const pod = testPod({ containers, securityContext: { fsGroup: GROUP } });
    const paths = { path: "/v", readyPath: "/ready" };
    await setUpEmptyDir(host, pod, { name: "v", emptyDir: { medium } }, paths, MI);
    assert.deepEqual(done, want);
  });
