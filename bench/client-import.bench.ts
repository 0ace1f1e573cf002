/**
 * `import "k8ts/client"`: what a program pays before its first line, in a process of its own each time.
 *
 * The sketch: a module costs a file read, type stripping and a compilation, 0.5 ms together, 0.2 ms when it is empty. The
 * limit is as many modules with nothing in them, imported by one; what is above it is our code, and falls with every module
 * that the client does not need.
 * @module
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { median, report, round } from "#bench";
import { measureChild } from "./process/measure-child.ts";

interface Import {
  readonly importMs: number;
  readonly cpuMs: number;
  readonly rssBytes: number;
}

const RUNS = 15;
const script = (name: string): string => join(import.meta.dirname, "process", name);

const { result: loaded } = await measureChild<{ files: number; bytes: number }>(script("count-modules.ts"));
const folder = mkdtempSync(join(tmpdir(), "k8ts-bench-"));
const names = Array.from({ length: loaded.files - 1 }, (_, i) => `empty-${i}.ts`);
for (const name of names) writeFileSync(join(folder, name), "export {};\n");
writeFileSync(join(folder, "package.json"), '{"type":"module"}');
writeFileSync(join(folder, "index.ts"), names.map((name) => `import "./${name}";\n`).join(""));

const ours: Import[] = [];
const empty: Import[] = [];
for (let i = 0; i < RUNS; i++) {
  empty.push((await measureChild<Import>(script("import-client.ts"), [join(folder, "index.ts")])).result);
  ours.push((await measureChild<Import>(script("import-client.ts"))).result);
}
rmSync(folder, { recursive: true });

const ms = (runs: readonly Import[]): number => median(runs.map(({ importMs }) => importMs));
const mebibytes = (runs: readonly Import[]): number => median(runs.map(({ rssBytes }) => rssBytes / 2 ** 20));
const cpuMs = round(median(ours.map((run) => run.cpuMs)));
const also = { cpuMs, modules: loaded.files, kibibytes: round(loaded.bytes / 1024) };
const limit = { value: ms(empty), name: `${loaded.files} empty modules` };
report({ name: "client: import", value: ms(ours), unit: "ms", limit, runs: RUNS, also });
const memory = { value: mebibytes(empty), name: `${loaded.files} empty modules` };
report({
  name: "client: memory of the import",
  value: mebibytes(ours),
  unit: "MiB",
  limit: memory,
  runs: RUNS,
});
