import assert from "node:assert/strict";
import { test } from "node:test";
import type { Container } from "#api/core/v1/types.gen";
import type { ContainerConfig } from "#cri";
import { testContainer, testPod } from "../container/testing.ts";
import type { VolumeHost } from "../platform/platform.ts";
import { containerConfig } from "./container-config.ts";
import { signalName } from "./stop-signal.ts";

/** Of the third run of a container; `files` are those that it is given. */
async function configOf(
  rest: Partial<Container>,
  files: Record<string, string> = {},
  resolveSubPath: VolumeHost["resolveSubPath"] = async (volumePath, subPath) => `${volumePath}:${subPath}`,
): Promise<ContainerConfig> {
  const container = testContainer("c", rest);
  const host = {
    resolveSubPath,
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
    volumes: new Map([["v", { path: "/volume", readOnly: false }]]),
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
  for (const [stopSignal, ofRuntime] of Object.entries(names))
    assert.equal(signalName(ofRuntime), stopSignal);
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

const withSubPath = (subPath: string, resolve?: VolumeHost["resolveSubPath"]): Promise<ContainerConfig> =>
  configOf({ volumeMounts: [{ name: "v", mountPath: "/m", subPath }] }, {}, resolve);

test("containerConfig() does not tell what a subPath has found on the node", async () => {
  const { mounts } = await withSubPath("a/b");
  assert.equal(mounts?.find((mount) => mount.containerPath === "/m")?.hostPath, "/volume:a/b");
  const problem = new Error("ENOTDIR: not a directory, realpath '/root/key/x'");
  const message = 'failed to prepare subPath for volumeMount "v" of container "c"';
  await assert.rejects(
    withSubPath("link/x", () => Promise.reject(problem)),
    { name: "ConfigError", message },
  );
  await assert.rejects(withSubPath("/etc"), { message: "error SubPath `/etc` must not be an absolute path" });
  await assert.rejects(withSubPath("a/../b"), {
    message: "unable to provision SubPath `a/../b`: must not contain '..'",
  });
});
