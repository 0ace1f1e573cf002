/** What outlives an agent that is killed, against the kernel's own entries, in a network namespace of its own. */
import assert from "node:assert/strict";
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

const NAMESPACE = `k8ts-lb-guard-${process.pid}`;
const ADDRESSES = ["192.0.2.224", "2001:db8::e0"];
/** Somebody else's, which is none of the guard's business. */
const FOREIGN = "192.0.2.9";
const MODULE = join(import.meta.dirname, "withdrawal-guard.ts");
const isRoot = process.geteuid?.() === 0;

const ip = (...args: readonly string[]): string =>
  execFileSync("ip", ["-n", NAMESPACE, ...args], { encoding: "utf8" });

suite("startGuard()", { skip: isRoot ? false : "needs root: network namespaces" }, () => {
  let dir = "";
  const agents: ChildProcess[] = [];

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), "k8ts-lb-guard-"));
    execFileSync("ip", ["netns", "add", NAMESPACE]);
  });
  after(async () => {
    for (const child of agents) child.kill("SIGKILL");
    execFileSync("ip", ["netns", "del", NAMESPACE]);
    await rm(dir, { recursive: true, force: true });
  });

  test("withdraws what a killed agent answered for, of both families, and nothing else", async () => {
    announce();
    const guard = await kill(await agent("a", 1, ADDRESSES));
    await guard.isGone();
    assert.deepEqual(proxied(), [FOREIGN]);
  });

  test("leaves all to an agent that has come in its place, whatever that answers for", async () => {
    announce();
    const guard = await kill(await agent("b", 60, ADDRESSES));
    const next = await agent("c", 60, []);
    await guard.isGone(); // long before it would withdraw
    assert.deepEqual(proxied(), [...ADDRESSES, FOREIGN].toSorted());
    await (await kill(next)).isGone(); // at once: it holds nothing
  });

  test("ends at once when the agent has withdrawn all itself", async () => {
    const guard = await kill(await agent("d", 60, ADDRESSES, []));
    await guard.isGone();
  });

  test("ends when the interface is gone", async () => {
    announce();
    const guard = await kill(await agent("e", 60, ADDRESSES));
    ip("link", "del", "eth0");
    await guard.isGone();
  });

  /** A process in the namespace that holds one list after the other; resolves when its guard knows the last. */
  async function agent(
    token: string,
    waitSeconds: number,
    ...lists: readonly (readonly string[])[]
  ): Promise<ChildProcess> {
    const options = JSON.stringify({ file: join(dir, "agent"), token, waitSeconds });
    const code = `
      const { startGuard } = await import(${JSON.stringify(MODULE)});
      const guard = await startGuard(${options}, new AbortController().signal);
      for (const list of ${JSON.stringify(lists)})
        await guard.hold([{ link: { name: "eth0", mac: "" }, addresses: new Set(list) }]);
      console.log("held");
      setInterval(() => {}, 1_000);
    `;
    const inside = [`--net=/run/netns/${NAMESPACE}`, process.execPath, "--input-type=module", "-e", code];
    const child = spawn("nsenter", inside, { stdio: ["ignore", "pipe", "ignore"] });
    agents.push(child);
    await once(child.stdout, "data");
    return child;
  }
});

function isAlive(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("k8ts-load-balancer-guard");
  } catch {
    return false;
  }
}

/** An interface with entries. A bridge: dummy devices are not in every kernel. */
function announce(): void {
  if (!ip("-br", "link").includes("eth0")) ip("link", "add", "eth0", "type", "bridge");
  ip("link", "set", "eth0", "up");
  for (const address of [...ADDRESSES, FOREIGN]) ip("neigh", "replace", "proxy", address, "dev", "eth0");
}

function proxied(): readonly string[] {
  const entries = ["-4", "-6"].flatMap((flag) => ip(flag, "neigh", "show", "proxy").trim().split("\n"));
  return entries
    .map((line) => line.split(" ")[0]!)
    .filter((address) => address !== "")
    .toSorted();
}

async function kill(child: ChildProcess): Promise<{ readonly isGone: () => Promise<void> }> {
  const guard = Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8").trim());
  assert.ok(guard > 0);
  child.kill("SIGKILL");
  await once(child, "exit");
  return {
    async isGone() {
      for (let tries = 0; isAlive(guard); tries++) {
        assert.ok(tries < 100, `the guard ${guard} goes on`);
        await sleep(50);
      }
    },
  };
}
