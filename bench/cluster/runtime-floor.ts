/** What containerd itself takes for a pod, and what it costs at rest: the limits of a node. @module */
import { performance } from "node:perf_hooks";
import type { PodSandboxConfig } from "#cri";
import { startContainerdFixture, TEST_IMAGE } from "../../src/cri/containerd/fixture.ts";

export interface RuntimeFloor extends AsyncDisposable {
  /** From its start until CRI answers. */
  readonly startMs: number;
  readonly pid: number;
  /** RunPodSandbox, CreateContainer and StartContainer of `count` pods at once: the ms of each. Removed before it resolves. */
  run(count: number): Promise<readonly number[]>;
}

export async function startRuntimeFloor(signal: AbortSignal): Promise<RuntimeFloor> {
  const fixture = await startContainerdFixture(signal);
  const { runtime, name, containerd, options, environment } = fixture;
  await containerd.stop(signal);
  const { startContainerd } = await import("../../src/cri/containerd/daemon.ts");
  const startMs = performance.now();
  fixture.containerd = await startContainerd(options, environment, signal);
  const started = performance.now() - startMs;
  let next = 0;
  const one = async (): Promise<{
    readonly ms: number;
    readonly sandbox: string;
    readonly container: string;
  }> => {
    const uid = `bench-${next++}`;
    const config: PodSandboxConfig = {
      metadata: { name: uid, namespace: "default", uid, attempt: 0 },
      linux: { cgroupParent: `/${name}/${uid}` },
    };
    const wanted = {
      metadata: { name: "c", attempt: 0 },
      image: { image: TEST_IMAGE },
      command: ["/bin/sleep", "3600"],
    };
    const begin = performance.now();
    const sandbox = await runtime.runPodSandbox(config, "", signal);
    const container = await runtime.createContainer(sandbox, wanted, config, signal);
    await runtime.startContainer(container, signal);
    return { ms: performance.now() - begin, sandbox, container };
  };
  const remove = async ({ sandbox, container }: Awaited<ReturnType<typeof one>>): Promise<void> => {
    await runtime.stopContainer(container, 0, signal);
    await runtime.stopPodSandbox(sandbox, signal);
    await runtime.removePodSandbox(sandbox, signal);
  };
  return {
    startMs: started,
    pid: fixture.containerd.pid,
    async run(count) {
      const pods = await Promise.all(Array.from({ length: count }, one));
      await Promise.all(pods.map(remove));
      return pods.map(({ ms }) => ms);
    },
    [Symbol.asyncDispose]: () => fixture.stop(),
  };
}
