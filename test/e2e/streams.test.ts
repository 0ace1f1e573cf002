/** What comes out of containers and goes into them: logs, copies, attach, terminals. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { TestCluster, eventually, run } from "./harness.ts";
import { IMAGE, podSteps, sh } from "./pod-steps.ts";

const WEB = join(import.meta.dirname, "../../examples/web");
const isRoot = process.geteuid?.() === 0;
const skip = isRoot ? false : "needs root: real containers";

suite("streams", { skip, concurrency: 4 }, () => {
  let cluster: TestCluster;
  const { pod, ready } = podSteps(() => cluster);

  before(async () => {
    cluster = await TestCluster.prepare("e2estreams");
    await cluster.k8ts("start");
    await cluster.k8ts("image", "build", "-t", IMAGE, WEB);
  });
  after(() => cluster?.destroy());

  test("logs of several containers, of the last run, since a time, with times", async () => {
    await pod("logs", {
      containers: [
        sh("one", "for i in 1 2 3; do echo one $i; done; sleep 3600"),
        sh("two", "echo to-stderr >&2; sleep 4; echo two late; sleep 3600"),
      ],
    });
    await ready("logs");
    await logs("one 1\none 2\none 3\n", "logs", "-c", "one");
    assert.equal(await cluster.kubectl("logs", "logs", "-c", "one", "--tail=1"), "one 3\n");
    assert.equal(await cluster.kubectl("logs", "logs", "-c", "one", "--limit-bytes=5"), "one 1");
    assert.match(
      await cluster.kubectl("logs", "logs", "-c", "one", "--timestamps", "--tail=1"),
      /^\d{4}-\d\d-\d\dT\S+Z one 3\n$/,
    );
    const without = await cluster.tryKubectl(["logs", "logs", "-c", "three"]);
    assert.match(without.stderr, /container three is not valid for pod logs/);
    await logs("to-stderr\ntwo late\n", "logs", "-c", "two");
    assert.equal(await cluster.kubectl("logs", "logs", "-c", "two", "--since=1h"), "to-stderr\ntwo late\n");
    const times = await cluster.kubectl("logs", "logs", "-c", "two", "--timestamps");
    const since = /(\S+)\.\d+Z two late/.exec(times)![1];
    assert.equal(await cluster.kubectl("logs", "logs", "-c", "two", `--since-time=${since}Z`), "two late\n");
    const all = await cluster.kubectl("logs", "logs", "--all-containers", "--prefix");
    assert.match(all, /\[pod\/logs\/one\] one 2\n/);
    assert.match(all, /\[pod\/logs\/two\] to-stderr\n/);
  });

  test("cp copies to a container and back, by exec with standard input", async () => {
    await pod("files", { containers: [sh("c", "sleep 3600")] });
    await ready("files");
    const bytes = Buffer.from(Array.from({ length: 1 << 20 }, (_, i) => (i * 7919) & 255));
    const [there, back] = [join(cluster.home, "there"), join(cluster.home, "back")];
    writeFileSync(there, bytes);
    await cluster.kubectl("cp", there, "files:/tmp/copied");
    await cluster.kubectl("cp", "files:/tmp/copied", back);
    assert.ok(readFileSync(back).equals(bytes));
  });

  test("attach joins the main process: its input and its output", async () => {
    await pod("echo", {
      containers: [{ ...sh("c", 'while read -r line; do echo "got $line"; done'), stdin: true }],
    });
    await ready("echo");
    const attached = spawn(cluster.kubectlPath, ["attach", "-i", "echo"], { env: cluster.env });
    try {
      attached.stdin.write("hello\n");
      const [answer] = (await once(attached.stdout, "data")) as [Buffer];
      assert.equal(answer.toString(), "got hello\n");
    } finally {
      attached.kill();
    }
    await logs("got hello\n", "echo");
  });

  test("run -it --rm gives a terminal, and removes the pod", async () => {
    // what comes before kubectl has attached is not shown
    const script = 'read -r x; tty; stty size; echo "got:$x"; exit 0';
    const command = `${cluster.kubectlPath} run -it --rm term --image=${IMAGE} --restart=Never -- sh -c '${script}'`;
    const { code, stdout } = await run(["script", "-qec", command, "/dev/null"], cluster.env, {
      input: "typed\n",
    });
    assert.equal(code, 0, stdout);
    assert.match(stdout, /\/dev\/pts\/0/);
    assert.match(stdout, /got:typed/);
    assert.match(stdout, /pod "term" deleted/);
    assert.equal((await cluster.tryKubectl(["get", "pod", "term"])).code, 1);
  });

  test("debug enters a running pod, works on a copy of one that crashes, and sees the node's files", async () => {
    await pod("sick", { containers: [sh("c", "echo own > /tmp/seen; sleep 3600")] });
    await ready("sick");
    const look = ["--", "sh", "-c", "cat /proc/1/root/tmp/seen; grep CapEff /proc/self/status; sleep 3600"];
    await cluster.kubectl("debug", "sick", `--image=${IMAGE}`, "--target=c", "--container=look", ...look);
    const seen = await eventually("the debugger's output", async () => {
      const { code, stdout } = await cluster.tryKubectl(["logs", "sick", "-c", "look"]);
      return code === 0 && stdout.includes("CapEff") ? stdout : undefined;
    });
    // The first process of the target is the first that the debugger sees; its profile adds SYS_PTRACE (bit 19).
    assert.match(seen, /^own\n/);
    const capabilities = BigInt(`0x${/CapEff:\s+([0-9a-f]+)/.exec(seen)![1]}`);
    assert.equal((capabilities >> 19n) & 1n, 1n);
    assert.match(await cluster.kubectl("describe", "pod", "sick"), /Ephemeral Containers:\n {2}look:/);

    await pod("crashes", { containers: [sh("c", "exit 3")] });
    const copy = ["--copy-to=copied", "--container=c", "--", "sh", "-c", "echo alive; sleep 3600"];
    await cluster.kubectl("debug", "crashes", ...copy);
    await ready("copied");
    await logs("alive\n", "copied");

    const mark = join(cluster.home, "mark");
    const node = (await cluster.kubectl("get", "nodes", "-o", "jsonpath={.items[0].metadata.name}")).trim();
    const script = ["--", "sh", "-c", `chroot /host sh -c 'cat /proc/1/comm ${mark}'`];
    writeFileSync(mark, "of the host\n");
    const told = await cluster.kubectl(
      "debug",
      `node/${node}`,
      `--image=${IMAGE}`,
      "--profile=sysadmin",
      ...script,
    );
    const name = /node-debugger-\S+/.exec(told)?.[0] ?? assert.fail(told);
    await cluster.kubectl("wait", "--for=jsonpath={.status.phase}=Succeeded", `pod/${name}`, "--timeout=90s");
    const comm = readFileSync("/proc/1/comm", "utf8");
    assert.equal(await cluster.kubectl("logs", name), `${comm}of the host\n`);
  });

  /** A container that is ready may not have said all yet. */
  async function logs(wanted: string, ...args: readonly string[]): Promise<void> {
    let text = "";
    await eventually(`the logs of ${args.join(" ")}`, async () => {
      text = await cluster.kubectl("logs", ...args);
      return text === wanted ? true : undefined;
    }).catch(() => assert.equal(text, wanted));
  }
});
