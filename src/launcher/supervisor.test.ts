import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, beforeEach, test } from "node:test";
import { systemClock } from "#apimachinery";
import { isAlive } from "#component-base";
import { programState } from "./program-state.ts";
import { startProgram, stopProgram, type Program } from "./supervisor.ts";

const PATIENCE_MS = 5_000;
const { signal } = new AbortController();
const folders: string[] = [];

let dir = "";
let pidDir = "";
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "k8ts-supervisor-"));
  folders.push(dir);
  pidDir = join(dir, "pids");
});
afterEach(() => stopProgram(pidDir, "p", 100, systemClock, signal));
after(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));

test("startProgram runs the command with its output in the log, and once only", async () => {
  assert.equal(await startProgram(program("echo hello; exec sleep 60")), true);
  const { supervisorPid, childPid } = await running();
  assert.equal(await startProgram(program("echo twice")), false);
  assert.deepEqual(await running(), { supervisorPid, childPid });
  await until("the output", async () => (await log()) === "hello\n");
});

test("a program that dies is started again, and the log says so", async () => {
  await startProgram(program("exec sleep 60"));
  const first = await running();
  process.kill(first.childPid!, "SIGKILL");
  await until("another child", async () => {
    const { childPid } = await programState(pidDir, "p");
    return childPid !== undefined && childPid !== first.childPid;
  });
  assert.equal((await programState(pidDir, "p")).supervisorPid, first.supervisorPid);
  assert.match(
    await log(),
    /"component":"supervisor","msg":"process ended with code 137; starting it again"/,
  );
});

test("stopProgram lets the program end by itself within the grace period", async () => {
  await startProgram(
    program("trap 'sleep 0.2; echo ended; exit 0' TERM; echo ready; while :; do sleep 0.05; done"),
  );
  await until("the trap", async () => (await log()) === "ready\n");
  await stopProgram(pidDir, "p", PATIENCE_MS, systemClock, signal);
  assert.equal(await log(), "ready\nended\n");
  assert.deepEqual(await programState(pidDir, "p"), { supervisorPid: undefined, childPid: undefined });
  assert.deepEqual(await readdir(pidDir), []);
});

test("stopProgram kills who does not end", async () => {
  await startProgram(program("trap '' TERM; echo ready; while :; do sleep 0.05; done"));
  await until("the trap", async () => (await log()) === "ready\n");
  const { supervisorPid, childPid } = await running();
  await stopProgram(pidDir, "p", 100, systemClock, signal);
  for (const pid of [supervisorPid!, childPid!]) assert.equal(await isAlive(pid), false);
});

test("stopProgram that comes just before the child is started stops that child too", async () => {
  // `date` is what the supervisor calls before it starts the child
  const bin = join(dir, "bin");
  await mkdir(bin);
  await writeFile(join(bin, "date"), "#!/bin/sh\n/bin/sleep 0.3\n/bin/date +%s\n");
  await chmod(join(bin, "date"), 0o755);
  await startProgram({ ...program("exec sleep 60"), env: { PATH: `${bin}:/usr/bin:/bin` } });
  const began = performance.now();
  await stopProgram(pidDir, "p", PATIENCE_MS, systemClock, signal);
  assert.ok(performance.now() - began < PATIENCE_MS);
  assert.equal((await programState(pidDir, "p")).childPid, undefined);
});

test("stopProgram of what does not run does nothing", async () => {
  await stopProgram(pidDir, "p", PATIENCE_MS, systemClock, signal);
});

test("startProgram takes over from a supervisor that was killed, and its child makes room", async () => {
  await startProgram(program("exec sleep 60"));
  const first = await running();
  process.kill(first.supervisorPid!, "SIGKILL");
  await until("no supervisor", async () => !(await isAlive(first.supervisorPid!)));
  assert.equal(await isAlive(first.childPid!), true);
  await until(
    "the child is known",
    async () => (await programState(pidDir, "p")).childPid === first.childPid,
  );
  assert.equal(await startProgram(program("exec sleep 60")), true);
  await until("the old child's end", async () => !(await isAlive(first.childPid!)));
  await until("a new child", async () => {
    const { supervisorPid, childPid } = await programState(pidDir, "p");
    return supervisorPid !== undefined && childPid !== undefined && childPid !== first.childPid;
  });
});

test("programState does not take another process with the same pid for the program", async () => {
  await mkdir(pidDir, { recursive: true });
  for (const file of ["p.pid", "p.child.pid"]) await writeFile(join(pidDir, file), `${process.pid}\n`);
  assert.deepEqual(await programState(pidDir, "p"), { supervisorPid: undefined, childPid: undefined });
  await stopProgram(pidDir, "p", PATIENCE_MS, systemClock, signal); // must not signal this process
});

test("programState ignores what is no pid", async () => {
  await mkdir(pidDir, { recursive: true });
  for (const text of ["", "x", "-1", "1", "0", "99999999999999999999"]) {
    await writeFile(join(pidDir, "p.pid"), text);
    assert.equal((await programState(pidDir, "p")).supervisorPid, undefined, text);
  }
});

function program(script: string): Program {
  const command = ["/bin/sh", "-c", script] as const;
  return { name: "p", command, pidDir, logFile: join(dir, "log"), env: { PATH: "/usr/bin:/bin" } };
}

async function running(): ReturnType<typeof programState> {
  let state = await programState(pidDir, "p");
  await until("both processes", async () => {
    state = await programState(pidDir, "p");
    return state.supervisorPid !== undefined && state.childPid !== undefined;
  });
  // Asked again, a child in the middle of its `exec` would be nobody for a moment.
  return state;
}

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await isSo())) {
    assert.ok(performance.now() < deadline, `waited in vain for ${what}`);
    await systemClock.sleep(10, signal);
  }
}

function log(): Promise<string> {
  return readFile(join(dir, "log"), "utf8");
}
