import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { FakeClock, silentLogger } from "#apimachinery";
import { releaseDeadAddresses } from "./address-cleanup.ts";

const never = new AbortController().signal;
const HOUR_MS = 3_600_000;

test("releaseDeadAddresses() gives back what dead sandboxes held, and nothing that may still start", async (t) => {
  const cniDataDir = await mkdtemp(join(tmpdir(), "k8ts-addresses-"));
  t.after(() => rm(cniDataDir, { recursive: true }));
  const folder = join(cniDataDir, "k8ts");
  await mkdir(folder);
  const clock = new FakeClock();
  const hold = async (name: string, sandbox: string, ageMs: number): Promise<void> => {
    await writeFile(join(folder, name), `${sandbox}\r\neth0`);
    const time = (clock.now() - ageMs) / 1_000;
    await utimes(join(folder, name), time, time);
  };
  await hold("10.244.0.2", "alive", HOUR_MS);
  await hold("10.244.0.3", "dead", HOUR_MS);
  await hold("fd00:10:244::3", "dead", HOUR_MS);
  await hold("fd00:10:244::2", "alive", HOUR_MS);
  await hold("10.244.0.4", "starting", 1_000);
  await hold("last_reserved_ip.0", "10.244.0.4", HOUR_MS);
  await hold("lock", "", HOUR_MS);
  const options = { clock, logger: silentLogger, cniDataDir, sandboxes };
  assert.deepEqual((await releaseDeadAddresses(options, never)).toSorted(), ["10.244.0.3", "fd00:10:244::3"]);
  assert.deepEqual((await readdir(folder)).toSorted(), [
    "10.244.0.2",
    "10.244.0.4",
    "fd00:10:244::2",
    "last_reserved_ip.0",
    "lock",
  ]);
  assert.deepEqual(await releaseDeadAddresses({ ...options, cniDataDir: "/nowhere" }, never), []);
});

function sandboxes(): Promise<ReadonlySet<string>> {
  return Promise.resolve(new Set(["alive"]));
}
