import assert from "node:assert/strict";
import { test } from "node:test";
import type { Container } from "#api/core/v1/types.gen";
import type { ContainerConfig } from "#cri";
import { testContainer, testPod } from "../container/testing.ts";
import type { VolumeHost } from "../platform/platform.ts";
import { containerConfig } from "./container-config.ts";

/** Of the third run of a container; `files` are those that it is given. */
async function configOf(
  rest: Partial<Container>,
  files: Record<string, string> = {},
): Promise<ContainerConfig> {
  const container = testContainer("c", rest);
  const host = {
    writeFile: async (path: string, text: string, mode: number) => {
      files[path] = `${mode.toString(8)} ${text.split("\n")[0]}`;
    },
  };
  return containerConfig({
    pod: testPod({ containers: [container] }),
    container,
    restartCount: 2,
    env: new Map([["NAME", "value"]]),
    imageRef: "sha256:c",
    imageUser: { username: "" },
    podIPs: ["10.0.0.2"],
    volumes: new Map(),
    host: host as unknown as VolumeHost,
    paths: { rootDir: "/kubelet", podLogsDir: "/logs" },
    clusterDomain: "cluster.local",
    resourcePolicy: { memoryCapacityBytes: 2 ** 30 },
    recursiveReadOnlyMounts: false,
  });
}

test("containerConfig() names stop signals as the runtime does", async () => {
  const names = {
    SIGUSR1: "SIGNAL_SIGUSR1",
    "SIGRTMIN+3": "SIGNAL_SIGRTMINPLUS3",
    "SIGRTMAX-2": "SIGNAL_SIGRTMAXMINUS2",
  };
  for (const [stopSignal, expected] of Object.entries(names))
    assert.equal((await configOf({ lifecycle: { stopSignal } })).stopSignal, expected);
  assert.equal((await configOf({})).stopSignal, undefined, "the image says");
});

test("containerConfig() gives each run a termination log of its own, where the container wants it", async () => {
  const files: Record<string, string> = {};
  const { mounts } = await configOf({ terminationMessagePath: "/own/log" }, files);
  const hostPath = "/kubelet/pods/u1/containers/c/2";
  assert.deepEqual(mounts?.find((mount) => mount.containerPath === "/own/log")?.hostPath, hostPath);
  assert.equal(files[hostPath], "666 ", "for whomever the container runs as");
  assert.ok((await configOf({})).mounts?.some((mount) => mount.containerPath === "/dev/termination-log"));
});

test("containerConfig() expands variables in commands and arguments", async () => {
  const { command, args } = await configOf({ command: ["$(NAME)"], args: ["$$(NAME)", "$(OTHER)"] });
  assert.deepEqual([command, args], [["value"], ["$(NAME)", "$(OTHER)"]]);
});
