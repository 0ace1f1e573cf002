import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { type FileHandle, mkdir, open, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { promisify } from "node:util";
import { FakeClock, silentLogger, systemClock } from "#apimachinery";
import { runtimeConformance } from "../conformance.ts";
import { isRuntimeUnavailable } from "../errors.ts";
import { imageId } from "../oci/archive-writer.ts";
import { digestOf } from "../oci/image.ts";
import { PAUSE_IMAGE } from "../pause/image.ts";
import { cleanupNodeRuntime } from "./cleanup.ts";
import { startContainerd } from "./daemon.ts";
import { TEST_IMAGE, startContainerdFixture, whyNoContainerd, type ContainerdFixture } from "./fixture.ts";
import { exportImage } from "./image-export.ts";
import { sweepOrphanShims } from "./orphan-shims.ts";
import { findShims, shimSocket } from "./shims.ts";

const signal = new AbortController().signal;
const skip = await whyNoContainerd();

runtimeConformance("containerd", skip, async () => {
  const fixture = await startContainerdFixture(signal);
  return {
    runtime: fixture.runtime,
    image: TEST_IMAGE,
    // Nobody listens there: the pull fails inside the fixture's own network namespace.
    missingImage: "127.0.0.1:1/missing:1",
    cgroupParent: `/${fixture.name}`,
    folder: fixture.folder,
    stop: () => fixture.stop(),
  };
});

suite("startContainerd", { skip, concurrency: false }, () => {
  let fixture: ContainerdFixture;
  before(async () => {
    fixture = await startContainerdFixture(signal);
  });
  after(() => fixture.stop());

  test("startContainerd finds the containers that a killed containerd has left running", async () => {
    const { runtime, name, containerd, options, environment } = fixture;
    const config = {
      metadata: { name: "p", namespace: "d", uid: "u", attempt: 0 },
      linux: { cgroupParent: `/${name}/pod` },
    };
    const sandbox = await runtime.runPodSandbox(config, "", signal);
    const wanted = {
      metadata: { name: "c", attempt: 0 },
      image: { image: TEST_IMAGE },
      command: ["sleep", "3600"],
    };
    const id = await runtime.createContainer(sandbox, wanted, config, signal);
    await runtime.startContainer(id, signal);
    const earlier = (await runtime.containerStatus(id, {}, signal)).status;
    process.kill(containerd.pid, "SIGKILL");
    while (await containerd.isRunning()) await systemClock.sleep(5, signal);
    await assert.rejects(runtime.version(signal), isRuntimeUnavailable);

    fixture.containerd = await startContainerd(options, environment, signal);
    const again = await startContainerd(options, environment, signal);
    assert.deepEqual([fixture.containerd.adopted, again.adopted], [false, true]);
    assert.equal(again.pid, fixture.containerd.pid);
    const { status } = await runtime.containerStatus(id, {}, signal);
    assert.deepEqual([status.state, status.startedAt], ["CONTAINER_RUNNING", earlier.startedAt]);
  });

  orphanTests(() => fixture);

  test("startContainerd shows the containers of a node that was stopped as exited, and their names are free", async () => {
    const { runtime, name, options, environment } = fixture;
    const config = {
      metadata: { name: "stopped", namespace: "d", uid: "stopped", attempt: 0 },
      linux: { cgroupParent: `/${name}/stopped` },
    };
    const sandbox = await runtime.runPodSandbox(config, "", signal);
    const wanted = {
      metadata: { name: "c", attempt: 0 },
      image: { image: TEST_IMAGE },
      command: ["sleep", "3600"],
    };
    const id = await runtime.createContainer(sandbox, wanted, config, signal);
    await runtime.startContainer(id, signal);
    await fixture.containerd.stop(signal);
    await cleanupNodeRuntime({ ...options, cgroupParents: [`/${name}`] }, systemClock, signal);
    fixture.containerd = await startContainerd(options, environment, signal);
    assert.equal((await runtime.containerStatus(id, {}, signal)).status.state, "CONTAINER_EXITED");
    assert.equal((await runtime.podSandboxStatus(sandbox, {}, signal)).status.state, "SANDBOX_NOTREADY");
    await runtime.removePodSandbox(sandbox, signal);
    assert.notEqual(await runtime.runPodSandbox(config, "", signal), sandbox);
  });

  imageAndStartTests(() => fixture);

  test("cleanupNodeRuntime leaves no process, mount or cgroup of a killed node", async () => {
    const { name, folder } = fixture;
    // Whatever the test before has left is still running now.
    assert.match(await readFile("/proc/self/mountinfo", "utf8"), new RegExp(folder));
    await fixture.stop();
    assert.doesNotMatch(await readFile("/proc/self/mountinfo", "utf8"), new RegExp(folder));
    for (const hierarchy of await readdir("/sys/fs/cgroup")) {
      const cgroups: readonly string[] = await readdir(`/sys/fs/cgroup/${hierarchy}`).catch(() => []);
      assert.ok(!cgroups.includes(name), hierarchy);
    }
  });
});

function imageAndStartTests(get: () => ContainerdFixture): void {
  test("exportImage gives back what importImage took, and nothing for other names", async () => {
    const { containerd, folder, runtime } = get();
    const options = { socketPath: containerd.socketPath, folder, nodeArch: process.arch, clock: systemClock };
    const image = await exportImage(TEST_IMAGE, options, signal);
    const { image: known } = await runtime.imageStatus({ image: TEST_IMAGE }, {}, signal);
    assert.equal(imageId(image!), known?.id);
    const [layer] = image!.layers;
    assert.ok(layer !== undefined && "path" in layer.content);
    assert.equal(digestOf(await readFile(layer.content.path)), layer.descriptor.digest);
    assert.equal(await exportImage("docker.io/library/nothing:1", options, signal), undefined);
  });

  test("createContainerdRuntime shows the sandbox image as pinned", async () => {
    const images = await get().runtime.listImages({}, signal);
    const pinned = images.filter((image) => image.pinned).flatMap((image) => image.repoTags);
    assert.deepEqual(pinned, [PAUSE_IMAGE]);
  });

  test("startContainerd gives up with the end of the log when containerd refuses its configuration", async () => {
    const { options, environment, folder } = get();
    const broken = { ...options, stateDir: `${folder}/broken`, logLevel: "shout" as "info" };
    await assert.rejects(
      startContainerd(broken, environment, signal),
      /containerd ended while it started.*shout/s,
    );
  });
}

function orphanTests(get: () => ContainerdFixture): void {
  const logs: FileHandle[] = [];
  after(() => Promise.all(logs.map((log) => log.close())));
  /** As a containerd that is killed amid the start of a sandbox leaves it: nobody else knows of it. */
  const forgottenShim = async (id: string): Promise<void> => {
    const { options, folder, containerd } = get();
    const bundle = join(folder, id);
    await mkdir(bundle);
    await writeFile(join(bundle, "config.json"), "{}");
    await promisify(execFile)("mkfifo", [join(bundle, "log")]);
    // a shim waits for the reader of its log
    const log = await open(join(bundle, "log"), "r+");
    logs.push(log);
    const { socketPath } = containerd;
    const whose = [
      "-namespace",
      "k8s.io",
      "-address",
      socketPath,
      "-publish-binary",
      "containerd",
      "-id",
      id,
    ];
    const command = ["nsenter", `--net=${options.netns}`, "--", "containerd-shim-runc-v2", ...whose, "start"];
    // The shim inherits the outputs of its starter and keeps them open.
    const starter = spawn(command[0]!, command.slice(1), { cwd: bundle, stdio: "ignore" });
    const [code] = (await once(starter, "exit")) as [number];
    assert.equal(code, 0);
  };
  const ids = async (): Promise<readonly string[]> =>
    (await findShims(get().containerd.socketPath)).map(({ id }) => id);

  test("sweepOrphanShims ends a shim that containerd has forgotten, and no other", async () => {
    const { runtime, name, containerd } = get();
    const metadata = { name: "stays", namespace: "d", uid: "stays", attempt: 0 };
    const config = { metadata, linux: { cgroupParent: `/${name}/stays` } };
    const sandbox = await runtime.runPodSandbox(config, "", signal);
    await forgottenShim("forgotten");
    const { socketPath } = containerd;
    const socket = shimSocket(socketPath, "forgotten");
    assert.ok((await ids()).includes("forgotten") && existsSync(socket));
    const clock = new FakeClock();
    const stop = new AbortController();
    const sweeping = sweepOrphanShims({ socketPath, clock, logger: silentLogger }, stop.signal);
    while ((await ids()).includes("forgotten")) {
      clock.advance(10_000);
      await systemClock.sleep(10, signal);
    }
    // its socket goes after it
    while (existsSync(socket)) await systemClock.sleep(5, signal);
    stop.abort();
    await sweeping;
    assert.ok((await ids()).includes(sandbox));
    assert.equal((await runtime.podSandboxStatus(sandbox, {}, signal)).status.state, "SANDBOX_READY");
    await runtime.stopPodSandbox(sandbox, signal);
    await runtime.removePodSandbox(sandbox, signal);
  });

  test("cleanupNodeRuntime takes the sockets of forgotten shims, too", async () => {
    await forgottenShim("left");
    const { options, name, environment, containerd } = get();
    const socket = shimSocket(containerd.socketPath, "left");
    assert.ok(existsSync(socket));
    await containerd.stop(signal);
    await cleanupNodeRuntime({ ...options, cgroupParents: [`/${name}`] }, systemClock, signal);
    assert.deepEqual([existsSync(socket), await ids()], [false, []]);
    get().containerd = await startContainerd(options, environment, signal);
  });
}
