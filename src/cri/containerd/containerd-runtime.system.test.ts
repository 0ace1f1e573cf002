import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { after, before, suite, test } from "node:test";
import { systemClock } from "#apimachinery";
import { runtimeConformance } from "../conformance.ts";
import { isRuntimeUnavailable } from "../errors.ts";
import { imageId } from "../oci/archive-writer.ts";
import { digestOf } from "../oci/image.ts";
import { PAUSE_IMAGE } from "../pause/image.ts";
import { cleanupNodeRuntime } from "./cleanup.ts";
import { startContainerd } from "./daemon.ts";
import { TEST_IMAGE, startContainerdFixture, whyNoContainerd, type ContainerdFixture } from "./fixture.ts";
import { exportImage } from "./image-export.ts";

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
