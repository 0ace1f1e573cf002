import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { checkMachine } from "./check-machine.ts";

const WANTED = {
  "sys/vm/overcommit_memory": "1\n",
  "sys/vm/panic_on_oom": "0\n",
  "sys/kernel/panic": "10\n",
  "sys/kernel/panic_on_oops": "1\n",
  "sys/kernel/keys/root_maxkeys": "1000000\n",
  "sys/kernel/keys/root_maxbytes": "25000000\n",
  "self/oom_score_adj": "0\n",
};
const HEADING = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";

async function proc(t: TestContext, files: Readonly<Record<string, string>>): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "k8ts-proc-"));
  t.after(() => rm(dir, { recursive: true }));
  for (const [path, text] of Object.entries(files)) {
    await mkdir(join(dir, dirname(path)), { recursive: true });
    await writeFile(join(dir, path), text);
  }
  return dir;
}

test("checkMachine() refuses a machine that swaps, if asked to", async (t) => {
  const swapping = await proc(t, { swaps: `${HEADING}/dev/sda2 partition\t8388604\t0\t-2\n` });
  await assert.rejects(
    checkMachine({ failSwapOn: true }, swapping),
    /running with swap on is not supported/u,
  );
  await checkMachine({}, swapping);
  await checkMachine({ failSwapOn: true }, await proc(t, { swaps: HEADING }));
  await checkMachine({ failSwapOn: true }, await proc(t, {}));
});

test("checkMachine() refuses other kernel settings, if asked to", async (t) => {
  await checkMachine({ protectKernelDefaults: true }, await proc(t, WANTED));
  const other = await proc(t, { ...WANTED, "sys/kernel/panic": "0\n" });
  await assert.rejects(
    checkMachine({ protectKernelDefaults: true }, other),
    /^Error: invalid kernel flag: kernel\/panic, expected value: 10, actual value: 0$/u,
  );
});

test("checkMachine() sets how likely this process is killed for memory", async (t) => {
  const dir = await proc(t, WANTED);
  await checkMachine({ oomScoreAdj: -999 }, dir);
  assert.equal(await readFile(join(dir, "self/oom_score_adj"), "utf8"), "-999");
});
