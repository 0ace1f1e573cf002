import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { promisify } from "node:util";
import { gunzipSync } from "node:zlib";
import { FakeClock, silentLogger, type Logger } from "#apimachinery";
import { openRotatingFile, type RotatingFileOptions } from "./rotating-file.ts";

let folder = "";
let clock = new FakeClock();
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "k8ts-audit-"));
  clock = new FakeClock(Date.parse("2026-01-01T00:00:00Z"));
});
afterEach(() => rm(folder, { recursive: true }));

const half = `${"x".repeat(700_000)}\n`;

function optionsOf(change: Partial<RotatingFileOptions> = {}): RotatingFileOptions {
  const path = join(folder, "logs", "audit.log");
  return {
    path,
    maxSizeMb: 1,
    maxAgeDays: 0,
    maxBackups: 2,
    compress: true,
    clock,
    logger: silentLogger,
    ...change,
  };
}

test("RotatingFile moves a full file aside and keeps as many as it may", async () => {
  const options = optionsOf();
  const file = await openRotatingFile(options);
  for (let i = 0; i < 5; i++) {
    await file.write(half);
    clock.advance(1000);
  }
  await file.close();
  const names = (await readdir(join(folder, "logs"))).toSorted();
  assert.deepEqual(names, [
    "audit-2026-01-01T00-00-03.000.log.gz",
    "audit-2026-01-01T00-00-04.000.log.gz",
    "audit.log",
  ]);
  assert.equal(gunzipSync(await readFile(join(folder, "logs", names[0]!))).toString(), half);
  assert.equal(await readFile(options.path, "utf8"), half);
});

test("RotatingFile writes again as soon as its file can be opened again", async () => {
  const options = optionsOf();
  const file = await openRotatingFile(options);
  await file.write(half);
  await rm(join(folder, "logs"), { recursive: true });
  await assert.rejects(file.write(half), { code: "ENOENT" });
  await assert.rejects(file.write(half), { code: "ENOENT" });
  await mkdir(join(folder, "logs"));
  await file.write(half);
  await file.close();
  assert.equal(await readFile(options.path, "utf8"), half);
});

test("RotatingFile loses no line because old files cannot be packed, and says so once", async () => {
  const told: string[] = [];
  const logger: Logger = { ...silentLogger, error: (message) => void told.push(message) };
  const options = optionsOf({ logger });
  // where the packed file would go is something that cannot be written
  await mkdir(join(folder, "logs"));
  const old = join(folder, "logs", "audit-2025-01-01T00-00-00.000.log");
  await writeFile(old, "old");
  await mkdir(join(`${old}.gz`, "in-the-way"), { recursive: true });
  const file = await openRotatingFile({ ...options, maxBackups: 0 });
  for (let i = 0; i < 3; i++) {
    await file.write(half);
    clock.advance(1000);
  }
  await file.close();
  assert.equal(await readFile(options.path, "utf8"), half);
  assert.deepEqual(told, ["The audit log could not be rotated"]);
});

test("RotatingFile keeps whole lines when the disk ends in the middle of one", async () => {
  const path = join(folder, "audit.log");
  const module = JSON.stringify(join(import.meta.dirname, "rotating-file.ts"));
  const program = `
    const { openRotatingFile } = await import(${module});
    const file = await openRotatingFile({ path: ${JSON.stringify(path)}, maxSizeMb: 0 });
    for (let i = 0; ; i++) {
      try {
        await file.write("x".repeat(1000) + "\\n");
      } catch (err) {
        console.log(err.code);
        break;
      }
    }
    await file.write("short\\n");`;
  // a file may not grow beyond some kilobytes, which are no multiple of the line
  const node = [process.execPath, "--input-type=module", "-e", program];
  const { stdout } = await promisify(execFile)("sh", ["-c", 'ulimit -f 9 && exec "$@"', "sh", ...node]);
  assert.equal(stdout, "EFBIG\n");
  const lines = (await readFile(path, "utf8")).split("\n");
  assert.deepEqual(lines.slice(-2), ["short", ""]);
  assert.ok(lines.slice(0, -2).every((line) => line === "x".repeat(1000)));
});
