/** What every Runtime must do; run by the tests of each implementation. @module */
import assert from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import { after, before, suite, test } from "node:test";
import type { ContainerConfig, ContainerEvent } from "./container.ts";
import { isRuntimeNotFound } from "./errors.ts";
import type { Runtime } from "./runtime.ts";
import type { PodSandboxConfig } from "./sandbox.ts";

export interface RuntimeHarness {
  readonly runtime: Runtime;
  /** An image with a shell that is here, or can be pulled. */
  readonly image: string;
  /** A reference whose pull fails. */
  readonly missingImage: string;
  /** A cgroup that the pods' may be made in. */
  readonly cgroupParent: string;
  /** For logs. */
  readonly folder: string;
  stop(): Promise<void>;
}

/** Long enough for a busy machine, short enough that a lost event is a failure and not a hang. */
const TIMEOUT_MS = 60_000;
/** Ends at once when asked to, as a good container does. */
const WAITS = ["/bin/sh", "-c", "trap 'exit 0' TERM; sleep 3600 & wait"];

/** `skip`: why this machine cannot run the implementation; counted and shown by the test runner. */
export function runtimeConformance(
  name: string,
  skip: string | false,
  start: () => Promise<RuntimeHarness>,
): void {
  suite(`${name} Runtime`, { skip, concurrency: false }, () => {
    let harness: RuntimeHarness;
    let pods: Pods;
    before(async () => {
      harness = await start();
      pods = createPods(harness);
      const present = await harness.runtime.imageStatus({ image: harness.image }, {}, limit());
      if (present.image === undefined)
        await harness.runtime.pullImage({ image: harness.image }, undefined, undefined, limit());
    });
    after(() => harness.stop());
    const get = (): Context => ({ ...harness, pods });
    nodeTests(get);
    sandboxTests(get);
    containerTests(get);
    endTests(get);
    imageTests(get);
    eventTests(get);
  });
}

interface Context extends RuntimeHarness {
  readonly pods: Pods;
}

interface Pods {
  /** A new sandbox's configuration; every call another pod. */
  config(labels?: Readonly<Record<string, string>>): PodSandboxConfig;
  run(config?: PodSandboxConfig): Promise<{ id: string; config: PodSandboxConfig }>;
  create(pod: { id: string; config: PodSandboxConfig }, command?: readonly string[]): Promise<string>;
}

function limit(): AbortSignal {
  return AbortSignal.timeout(TIMEOUT_MS);
}

function createPods({ runtime, image, cgroupParent, folder }: RuntimeHarness): Pods {
  let pods = 0;
  let containers = 0;
  const config: Pods["config"] = (labels = {}) => {
    const uid = `uid-${++pods}`;
    return {
      metadata: { name: `pod-${pods}`, namespace: "default", uid, attempt: 0 },
      hostname: `pod-${pods}`,
      logDirectory: `${folder}/${uid}`,
      labels: { "io.kubernetes.pod.uid": uid, ...labels },
      linux: {
        cgroupParent: `${cgroupParent}/pod${uid}`,
        securityContext: { namespaceOptions: { pid: "CONTAINER" } },
      },
    };
  };
  return {
    config,
    run: async (wanted = config()) => {
      await mkdir(wanted.logDirectory!, { recursive: true });
      return { id: await runtime.runPodSandbox(wanted, "", limit()), config: wanted };
    },
    create: ({ id, config: sandbox }, command = WAITS) => {
      const wanted: ContainerConfig = {
        metadata: { name: `c${++containers}`, attempt: 0 },
        image: { image },
        command,
        labels: { number: String(containers) },
        logPath: `c${containers}.log`,
        linux: { securityContext: { namespaceOptions: { pid: "CONTAINER" } } },
      };
      return runtime.createContainer(id, wanted, sandbox, limit());
    },
  };
}

function nodeTests(get: () => Context): void {
  test("Runtime says what it is, and that it is ready", async () => {
    const { runtime } = get();
    assert.equal((await runtime.version(limit())).runtimeApiVersion, "v1");
    const { status } = await runtime.status({}, limit());
    const ready = status.conditions.filter((condition) => condition.status).map(({ type }) => type);
    assert.deepEqual(ready.toSorted(), ["NetworkReady", "RuntimeReady"]);
  });
}

function sandboxTests(get: () => Context): void {
  test("Runtime gives every sandbox an address of its own", async () => {
    const { runtime, pods } = get();
    const ids = [await pods.run(), await pods.run()].map(({ id }) => id);
    const statuses = await Promise.all(ids.map((id) => runtime.podSandboxStatus(id, {}, limit())));
    const addresses = statuses.map(({ status }) => status.network?.ip ?? "");
    assert.match(addresses.join(), /^[\d.]+,[\d.]+$/);
    assert.notEqual(addresses[0], addresses[1]);
    for (const id of ids) await runtime.removePodSandbox(id, limit());
  });

  test("Runtime keeps what a sandbox was made of", async () => {
    const { runtime, pods } = get();
    const { id, config } = await pods.run();
    const { status } = await runtime.podSandboxStatus(id, {}, limit());
    assert.deepEqual([status.metadata, status.labels], [config.metadata, config.labels]);
    assert.equal(status.state, "SANDBOX_READY");
    assert.ok(status.createdAt > 0n);
    await assert.rejects(runtime.runPodSandbox(config, "", limit()), /reserve/);
    await runtime.removePodSandbox(id, limit());
  });

  test("Runtime stops and removes sandboxes, again and again", async () => {
    const { runtime, pods } = get();
    const { id } = await pods.run();
    await runtime.stopPodSandbox(id, limit());
    await runtime.stopPodSandbox(id, limit());
    assert.equal((await runtime.podSandboxStatus(id, {}, limit())).status.state, "SANDBOX_NOTREADY");
    await runtime.removePodSandbox(id, limit());
    await runtime.removePodSandbox(id, limit());
    await runtime.stopPodSandbox(id, limit());
    await assert.rejects(runtime.podSandboxStatus(id, {}, limit()), isRuntimeNotFound);
  });

  test("Runtime lists sandboxes by id, state and labels", async () => {
    const { runtime, pods } = get();
    const a = await pods.run(pods.config({ app: "a" }));
    const b = await pods.run(pods.config({ app: "b" }));
    await runtime.stopPodSandbox(b.id, limit());
    const list = async (filter: Parameters<Runtime["listPodSandbox"]>[0]): Promise<readonly string[]> =>
      (await runtime.listPodSandbox(filter, limit())).map(({ id }) => id);
    assert.deepEqual(await list({ id: a.id }), [a.id]);
    assert.deepEqual(await list({ labelSelector: { app: "b" } }), [b.id]);
    assert.deepEqual(await list({ state: "SANDBOX_NOTREADY" }), [b.id]);
    assert.deepEqual(await list({ state: "SANDBOX_NOTREADY", labelSelector: { app: "a" } }), []);
    for (const { id } of [a, b]) await runtime.removePodSandbox(id, limit());
  });

  test("Runtime removes a sandbox with its running containers", async () => {
    const { runtime, pods } = get();
    const pod = await pods.run();
    const id = await pods.create(pod);
    await runtime.startContainer(id, limit());
    await runtime.removePodSandbox(pod.id, limit());
    await assert.rejects(runtime.containerStatus(id, {}, limit()), isRuntimeNotFound);
    assert.deepEqual(await runtime.listContainers({ podSandboxId: pod.id }, limit()), []);
  });
}

function containerTests(get: () => Context): void {
  test("Runtime takes a container from created over running to exited", async () => {
    const { runtime, pods } = get();
    const pod = await pods.run();
    const id = await pods.create(pod);
    const read = async (): Promise<[string, boolean, boolean]> => {
      const { status } = await runtime.containerStatus(id, {}, limit());
      return [status.state, status.startedAt >= status.createdAt, status.finishedAt >= status.startedAt];
    };
    assert.deepEqual(await read(), ["CONTAINER_CREATED", false, true]);
    await runtime.startContainer(id, limit());
    assert.deepEqual(await read(), ["CONTAINER_RUNNING", true, false]);
    await assert.rejects(runtime.startContainer(id, limit()), /CONTAINER_RUNNING/);
    await runtime.stopContainer(id, 10, limit());
    await runtime.stopContainer(id, 10, limit());
    assert.deepEqual(await read(), ["CONTAINER_EXITED", true, true]);
    const { status } = await runtime.containerStatus(id, {}, limit());
    assert.deepEqual([status.exitCode, status.reason], [0, "Completed"]);
    await assert.rejects(runtime.execSync(id, ["true"], 5, limit()));
    await runtime.removePodSandbox(pod.id, limit());
  });

  test("Runtime runs a command in a running container", async () => {
    const { runtime, pods } = get();
    const pod = await pods.run();
    const id = await pods.create(pod);
    await runtime.startContainer(id, limit());
    assert.equal((await runtime.execSync(id, ["/bin/true"], 5, limit())).exitCode, 0);
    await runtime.removePodSandbox(pod.id, limit());
  });

  test("Runtime lists containers by id, sandbox, state and labels", async () => {
    const { runtime, pods } = get();
    const [one, two] = [await pods.run(), await pods.run()];
    const a = await pods.create(one);
    const b = await pods.create(two);
    await runtime.startContainer(b, limit());
    const list = async (filter: Parameters<Runtime["listContainers"]>[0]): Promise<readonly string[]> =>
      (await runtime.listContainers(filter, limit())).map(({ id }) => id);
    assert.deepEqual(await list({ id: a }), [a]);
    assert.deepEqual(await list({ podSandboxId: two.id }), [b]);
    assert.deepEqual(await list({ state: "CONTAINER_CREATED" }), [a]);
    const [container] = await runtime.listContainers({ id: b }, limit());
    assert.deepEqual(await list({ labelSelector: container!.labels }), [b]);
    for (const { id } of [one, two]) await runtime.removePodSandbox(id, limit());
  });

  test("Runtime does not know what does not exist", async () => {
    const { runtime } = get();
    const id = "0".repeat(64);
    await assert.rejects(runtime.containerStatus(id, {}, limit()), isRuntimeNotFound);
    await assert.rejects(runtime.startContainer(id, limit()), isRuntimeNotFound);
    await assert.rejects(runtime.podSandboxStatus(id, {}, limit()), isRuntimeNotFound);
    await runtime.removeContainer(id, limit());
    await runtime.removePodSandbox(id, limit());
  });
}

function endTests(get: () => Context): void {
  test("Runtime kills at once without a grace period", async () => {
    const { runtime, pods } = get();
    const pod = await pods.run();
    const id = await pods.create(pod, ["/bin/sleep", "3600"]);
    await runtime.startContainer(id, limit());
    await runtime.stopContainer(id, 0, limit());
    const { status } = await runtime.containerStatus(id, {}, limit());
    assert.deepEqual([status.state, status.exitCode], ["CONTAINER_EXITED", 137]);
    await runtime.removeContainer(id, limit());
    await runtime.removeContainer(id, limit());
    await assert.rejects(runtime.containerStatus(id, {}, limit()), isRuntimeNotFound);
    await runtime.removePodSandbox(pod.id, limit());
  });

  test("Runtime has an exit's code and log when it tells of the exit", async () => {
    const { runtime, pods } = get();
    const pod = await pods.run();
    const id = await pods.create(pod, ["/bin/sh", "-c", "exit 3"]);
    await using watching = watch(runtime);
    await watching.first((event) => event === "resync");
    const exited = watching.first(isEvent(id, "CONTAINER_STOPPED_EVENT"));
    await runtime.startContainer(id, limit());
    await exited;
    const { status } = await runtime.containerStatus(id, {}, limit());
    assert.deepEqual([status.state, status.exitCode, status.reason], ["CONTAINER_EXITED", 3, "Error"]);
    await runtime.removePodSandbox(pod.id, limit());
  });

  test("Runtime writes logs in the format that kubelet reads", async () => {
    const { runtime, pods } = get();
    const pod = await pods.run();
    const id = await pods.create(pod, ["/bin/echo", "hello"]);
    await using watching = watch(runtime);
    await watching.first((event) => event === "resync");
    const exited = watching.first(isEvent(id, "CONTAINER_STOPPED_EVENT"));
    await runtime.startContainer(id, limit());
    await exited;
    const { status } = await runtime.containerStatus(id, {}, limit());
    const log = await readFile(status.logPath, "utf8");
    assert.match(log, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d) stdout F hello\n$/);
    await runtime.removePodSandbox(pod.id, limit());
  });
}

function imageTests(get: () => Context): void {
  test("Runtime finds an image by any form of its name", async () => {
    const { runtime, image } = get();
    const { image: found } = await runtime.imageStatus({ image }, {}, limit());
    assert.ok(found !== undefined);
    const { image: same } = await runtime.imageStatus({ image: found.id }, {}, limit());
    assert.equal(same?.id, found.id);
    const all = await runtime.listImages({}, limit());
    assert.ok(all.some(({ id }) => id === found.id));
    assert.ok((await runtime.imageFsInfo(limit())).imageFilesystems.length > 0);
  });

  test("Runtime says why an image cannot be pulled", async () => {
    const { runtime, missingImage: image, pods } = get();
    assert.equal((await runtime.imageStatus({ image }, {}, limit())).image, undefined);
    await assert.rejects(runtime.pullImage({ image }, undefined, undefined, limit()), /failed to pull/);
    await assert.rejects(
      runtime.pullImage({ image: "No Name" }, undefined, undefined, limit()),
      /invalid reference/,
    );
    await runtime.removeImage({ image }, limit());
    const pod = await pods.run();
    const wanted = { metadata: { name: "c", attempt: 0 }, image: { image } };
    await assert.rejects(runtime.createContainer(pod.id, wanted, pod.config, limit()), isRuntimeNotFound);
    await runtime.removePodSandbox(pod.id, limit());
  });
}

function eventTests(get: () => Context): void {
  test("Runtime tells of all that happens to a container", async () => {
    const { runtime, pods } = get();
    await using watching = watch(runtime);
    await watching.first((event) => event === "resync");
    const pod = await pods.run();
    const id = await pods.create(pod);
    await runtime.startContainer(id, limit());
    await watching.first(isEvent(id, "CONTAINER_STARTED_EVENT"));
    await runtime.stopContainer(id, 10, limit());
    await watching.first(isEvent(id, "CONTAINER_STOPPED_EVENT"));
    await runtime.removePodSandbox(pod.id, limit());
    await watching.first(isEvent(id, "CONTAINER_DELETED_EVENT"));
    await watching.first(isEvent(pod.id, "CONTAINER_DELETED_EVENT"));
    assert.ok(watching.seen.some(isEvent(pod.id, "CONTAINER_STARTED_EVENT")));
  });
}

type Seen = ContainerEvent | "resync";

function isEvent(id: string, type: ContainerEvent["type"]): (event: Seen) => boolean {
  return (event) => event !== "resync" && event.containerId === id && event.type === type;
}

interface Watching extends AsyncDisposable {
  readonly seen: readonly Seen[];
  /** Resolves with the first event, past or future, that matches; rejects when none comes in time. */
  first(matches: (event: Seen) => boolean): Promise<void>;
}

function watch(runtime: Runtime): Watching {
  const stop = new AbortController();
  const signal = AbortSignal.any([stop.signal, limit()]);
  const seen: Seen[] = [];
  const waiting = new Set<() => void>();
  const reading = (async () => {
    for await (const event of runtime.containerEvents(signal)) {
      seen.push(event);
      for (const wake of waiting) wake();
    }
    for (const wake of waiting) wake();
  })();
  return {
    seen,
    async first(matches) {
      while (!seen.some(matches)) {
        if (signal.aborted) throw new Error("The event did not come in time");
        const { promise, resolve } = Promise.withResolvers<void>();
        waiting.add(resolve);
        await promise;
        waiting.delete(resolve);
      }
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await reading;
    },
  };
}
