/**
 * The floor under a pod's start: what the runtime itself takes for sandbox, container and start, and for the calls
 * that kubelet makes most.
 *
 * The sketch: runPodSandbox = network namespace + bridge plugin (three processes of ~5 ms: bridge, host-local, loopback)
 * + shim + runc create and start (~25 ms each); startContainer = shim's task + runc create and start. All of it is
 * fork and exec in other programs: our share is two gRPC calls of ~0.3 ms. The limit to compare with is runc itself.
 * A status is one round trip on a unix socket, ~0.2 ms; simulated ones are a few map operations.
 *
 *     node bench/cri.bench.ts          needs root and containerd for its second half
 * @module
 */
import { performance } from "node:perf_hooks";
import { systemClock } from "#apimachinery";
import { createSimulatedRuntime, type PodSandboxConfig, type Runtime } from "#cri";
import { TEST_IMAGE, startContainerdFixture, whyNoContainerd } from "../src/cri/containerd/fixture.ts";
import { bench, median, quantile, report, round, skip } from "#bench";

const signal = new AbortController().signal;
const PODS = 10;
const SIMULATED_PODS = 1_000;
const STATUS_CALLS = 200;

let pods = 0;

await benchSimulated();
const reason = await whyNoContainerd();
if (reason === false) await benchContainerd();
else skip("cri containerd", reason);

async function benchSimulated(): Promise<void> {
  const runtime = createSimulatedRuntime({ clock: systemClock, podCidr: "10.0.0.0/8" });
  await runtime.pullImage({ image: TEST_IMAGE }, undefined, undefined, signal);
  await bench({
    name: "cri simulated pod start and removal",
    operations: SIMULATED_PODS,
    run: async () => {
      for (let i = 0; i < SIMULATED_PODS; i++) await removePod(runtime, await startPod(runtime, "/bench"));
    },
  });
  await runtime.close();
}

async function benchContainerd(): Promise<void> {
  const fixture = await startContainerdFixture(signal);
  const { runtime, name } = fixture;
  try {
    const steps: Record<string, number[]> = {
      runPodSandbox: [],
      createContainer: [],
      startContainer: [],
      stopAndRemove: [],
    };
    let last: Started | undefined;
    // One more than counted: the first pod also unpacks the image.
    for (let i = 0; i <= PODS; i++) {
      const pod = await startPod(runtime, `/${name}`);
      if (i > 0) for (const [step, ms] of Object.entries(pod.ms)) steps[step]!.push(ms);
      if (last !== undefined) {
        const start = performance.now();
        await removePod(runtime, last);
        steps["stopAndRemove"]!.push(performance.now() - start);
      }
      last = pod;
    }
    for (const [step, ms] of Object.entries(steps)) {
      const also = { p90: round(quantile(ms, 0.9)) };
      report({ name: `cri containerd ${step}`, value: median(ms), unit: "ms", runs: ms.length, also });
    }
    const id = last!.container;
    await bench({
      name: "cri containerd containerStatus",
      operations: STATUS_CALLS,
      run: async () => {
        for (let i = 0; i < STATUS_CALLS; i++) await runtime.containerStatus(id, {}, signal);
      },
    });
  } finally {
    await fixture.stop();
  }
}

interface Started {
  readonly sandbox: string;
  readonly container: string;
  readonly ms: Readonly<Record<string, number>>;
}

async function startPod(runtime: Runtime, cgroupParent: string): Promise<Started> {
  const uid = `bench-${++pods}`;
  const config: PodSandboxConfig = {
    metadata: { name: uid, namespace: "default", uid, attempt: 0 },
    linux: { cgroupParent: `${cgroupParent}/${uid}` },
  };
  const times = [performance.now()];
  const sandbox = await runtime.runPodSandbox(config, "", signal);
  times.push(performance.now());
  const wanted = {
    metadata: { name: "c", attempt: 0 },
    image: { image: TEST_IMAGE },
    command: ["/bin/sleep", "3600"],
  };
  const container = await runtime.createContainer(sandbox, wanted, config, signal);
  times.push(performance.now());
  await runtime.startContainer(container, signal);
  times.push(performance.now());
  const [a = 0, b = 0, c = 0, d = 0] = times;
  return { sandbox, container, ms: { runPodSandbox: b - a, createContainer: c - b, startContainer: d - c } };
}

async function removePod(runtime: Runtime, { sandbox, container }: Started): Promise<void> {
  await runtime.stopContainer(container, 0, signal);
  await runtime.stopPodSandbox(sandbox, signal);
  await runtime.removePodSandbox(sandbox, signal);
}
