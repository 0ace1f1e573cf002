/** Another version of containerd takes over a node whose pods run, and gives it back, as an upgrade of its package does it. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, readlinkSync, renameSync, symlinkSync } from "node:fs";
import { delimiter, join } from "node:path";
import { after, before, suite, test } from "node:test";
import { TestCluster, eventually } from "./harness.ts";
import { otherContainerd, versionOf, type OtherContainerd } from "./other-containerd.ts";
import { IMAGE, podSteps, sh } from "./pod-steps.ts";

const PROFILE = "e2eupgrade";
const NODE = `k8ts-${PROFILE}`;
const WEB = join(import.meta.dirname, "../../examples/web");
const PROGRAMS = ["containerd", "containerd-shim-runc-v2", "ctr"];

const isRoot = process.geteuid?.() === 0;
const skip = isRoot ? false : "needs root: real containers";

suite("containerd upgraded under running pods", { skip }, () => {
  let cluster: TestCluster;
  let bin = "";
  let own = "";
  let other: OtherContainerd;
  const { pod, ready, phase, field, inside } = podSteps(() => cluster);

  before(async () => {
    cluster = await TestCluster.prepare(PROFILE);
    own = await versionOf("containerd", process.env);
    const scratch = join(cluster.home, "other");
    bin = join(cluster.home, "other-bin");
    for (const dir of [scratch, bin]) mkdirSync(dir);
    other = await otherContainerd(scratch, process.env);
    cluster.env["PATH"] = `${bin}${delimiter}${process.env["PATH"]}`;
    await cluster.k8ts("start", "--wait=all");
    await cluster.k8ts("image", "build", "-t", IMAGE, WEB);
    await cluster.kubectl("create", "deployment", "web", `--image=${IMAGE}`, "--replicas=2");
    await cluster.kubectl("rollout", "status", "deploy/web", "--timeout=60s");
    await pod("ends", { restartPolicy: "Never", ...quick, containers: [sh("c", ends)] });
    await pod("crashes", { ...quick, containers: [sh("c", ends)] });
    await pod("goes", { ...quick, containers: [sh("c", "sleep 3600")] });
    for (const name of ["ends", "crashes", "goes"]) await ready(name);
  });
  after(() => cluster?.destroy());

  const quick = { terminationGracePeriodSeconds: 1 };
  const ends = "until test -e /tmp/end; do sleep 0.1; done; exit 3";

  test("to the other version: containers go on and are served, new ones run, and ends are seen at once", async (t) => {
    const running = await containers();
    link();
    assert.ok((await restarted()).startsWith(other.dir));
    await eventually("the node's word of it", async () => (await version()) === other.version || undefined);
    t.diagnostic(`${own} -> ${other.version}`);
    await goesOn(running);
    await inside("ends", "c", "touch /tmp/end");
    await phase("ends", "Failed");
    const code = "{.status.containerStatuses[0].state.terminated.exitCode}";
    assert.equal(await field("ends", code), "3");
    await restarts("crashes");
    await cluster.kubectl("delete", "pod", "goes", "--timeout=30s");
    await pod("newer", { ...quick, containers: [sh("c", ends)] });
    await ready("newer");
    await restarts("newer");
    // an older containerd does not find again what a newer one has started
    await cluster.kubectl("delete", "pod", "newer", "crashes", "--timeout=30s");
  });

  test("back to the machine's own: what runs goes on", async () => {
    const running = await containers();
    unlink();
    assert.ok(!(await restarted()).startsWith(other.dir));
    await eventually("the node's word of it", async () => (await version()) === own || undefined);
    await goesOn(running);
    await pod("older", { ...quick, containers: [sh("c", ends)] });
    await ready("older");
    await restarts("older");
    await cluster.kubectl("delete", "pods", "--all", "--now", "--timeout=60s");
  });

  /** What ran still runs, and answers. */
  async function goesOn(running: readonly string[]): Promise<void> {
    await cluster.kubectl("wait", "--for=condition=Ready", "node", "--all", "--timeout=60s");
    assert.equal(await cluster.kubectl("exec", "deploy/web", "--", "echo", "here"), "here\n");
    assert.match(await cluster.kubectl("logs", "deploy/web"), /\S/);
    assert.deepEqual(await containers(), running);
  }

  /** Its container ends when it is told to; the file that tells it goes with it. */
  async function restarts(name: string): Promise<void> {
    await inside(name, "c", "touch /tmp/end");
    await eventually("a restart", async () => ((await field(name, RESTARTS)) === "1" ? true : undefined));
    return ready(name);
  }

  /** `POD CONTAINER-ID RESTARTS` of those that run. */
  async function containers(): Promise<readonly string[]> {
    const one =
      "{.metadata.name} {.status.containerStatuses[0].containerID} {.status.containerStatuses[0].restartCount}";
    const path = `jsonpath={range .items[*]}${one}{"\\n"}{end}`;
    const text = await cluster.kubectl("get", "pods", "--field-selector=status.phase=Running", "-o", path);
    return text
      .trim()
      .split("\n")
      .toSorted((a, b) => a.localeCompare(b));
  }

  function version(): Promise<string> {
    return cluster.kubectl("get", "node", NODE, "-o", "jsonpath={.status.nodeInfo.containerRuntimeVersion}");
  }

  function link(): void {
    for (const program of PROGRAMS) {
      const path = join(other.dir, program);
      if (existsSync(path)) symlinkSync(path, join(bin, program));
    }
  }

  function unlink(): void {
    renameSync(bin, `${bin}-away`);
  }

  /** The program that runs now. */
  async function restarted(): Promise<string> {
    const pid = containerdPid();
    process.kill(pid, "SIGTERM");
    return eventually("a new containerd", async () => {
      const next = containerdPid();
      const program = next === pid ? "" : readlinkSync(`/proc/${next}/exe`);
      return program.endsWith("/containerd") ? program : undefined;
    });
  }

  function containerdPid(): number {
    const file = join(cluster.home, "profiles", PROFILE, "pids", `${NODE}.containerd.child.pid`);
    return Number(readFileSync(file, "utf8"));
  }
});

const RESTARTS = "{.status.containerStatuses[0].restartCount}";
