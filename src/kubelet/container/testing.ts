/** Short ways to write pods and runtime states, for tests. @module */
import type { Container, Pod, PodSpec } from "#api/core/v1/types.gen";
import { hashContainer } from "./labels.ts";
import type { RuntimeContainer, RuntimePod, RuntimeSandbox } from "./runtime-pod.ts";

export const NODE_START_MS = 1_767_225_600_000;

export function testPod(spec: Partial<PodSpec> = {}, metadata: Partial<Pod["metadata"]> = {}): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "web", namespace: "default", uid: "u1", generation: 1, ...metadata },
    spec: { nodeName: "n1", restartPolicy: "Always", containers: [testContainer("c")], ...spec },
  };
}

export function testContainer(name: string, rest: Partial<Container> = {}): Container {
  return { name, image: `${name}:1`, ...rest };
}

/** `c=running`, `c=exited:1`, `c=exited:1@2` (restart count 2), `c=unknown`; newest first. */
export function testRuntimePod(
  containers: readonly string[],
  sandbox: Partial<RuntimeSandbox> | "none" = {},
): RuntimePod {
  const sandboxes: readonly RuntimeSandbox[] =
    sandbox === "none"
      ? []
      : [
          {
            id: "s",
            attempt: 0,
            ready: true,
            hostNetwork: false,
            createdAtMs: NODE_START_MS,
            ips: ["10.0.0.2"],
            ...sandbox,
          },
        ];
  return {
    uid: "u1",
    name: "web",
    namespace: "default",
    ips: sandboxes[0]?.ready === true ? sandboxes[0].ips : [],
    sandboxes,
    containers: containers.map(runtimeContainer),
  };
}

function runtimeContainer(text: string, index: number): RuntimeContainer {
  const match = /^(\w+)=(\w+)(?::(\d+))?(?:@(\d+))?$/u.exec(text);
  if (match === null) throw new Error(`not a runtime container: ${text}`);
  const [, name = "", state = "", exitCode = "0", restartCount = "0"] = match;
  return {
    id: `${name}${restartCount}`,
    name,
    sandboxId: "s",
    state: state as RuntimeContainer["state"],
    restartCount: Number(restartCount),
    hash: hashContainer(testContainer(name)),
    image: `${name}:1`,
    imageRef: `sha256:${name}`,
    createdAtMs: NODE_START_MS - index,
    startedAtMs: state === "created" ? 0 : NODE_START_MS,
    finishedAtMs: state === "exited" ? NODE_START_MS + 1000 : 0,
    exitCode: Number(exitCode),
    reason: state === "exited" ? (exitCode === "0" ? "Completed" : "Error") : "",
    message: "",
    logPath: "",
  };
}
