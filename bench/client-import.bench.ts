/**
 * `import "k8ts/client"`: what a program pays before its first line, in a process of its own each time; as published, which is
 * plain JavaScript, and from this repository, where Node strips the types first.
 *
 * The sketch: a module costs 0.2 ms when it is empty, a file read and a compilation more when it is not; stripping types
 * another 1 ms each, and 30 ms once to load what strips them. The limit is as many modules with nothing in them, imported by
 * one; what is above it is our code, and falls with every module that the client does not need.
 * @module
 */
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { median, report, round } from "#bench";
import type { ClientImport } from "./process/import-client.ts";
import type { ModuleList } from "./process/list-modules.ts";
import { measureChild } from "./process/measure-child.ts";
import { writePublishedForm } from "./process/published-form.ts";

const RUNS = 15;
const script = (name: string): string => join(import.meta.dirname, "process", name);
const importing = async (file?: string): Promise<ClientImport> =>
  (await measureChild<ClientImport>(script("import-client.ts"), file === undefined ? [] : [file])).result;

const { result: files } = await measureChild<ModuleList>(script("list-modules.ts"));
const folder = mkdtempSync(join(tmpdir(), "k8ts-bench-"));
const published = writePublishedForm(files, "src/client/index.ts", folder);
const empty = writeEmptyModules(join(folder, "empty"), files.length);

const runs: Record<"empty" | "published" | "source", ClientImport[]> = {
  empty: [],
  published: [],
  source: [],
};
for (let i = 0; i < RUNS; i++) {
  runs.empty.push(await importing(empty));
  runs.published.push(await importing(published));
  runs.source.push(await importing());
}
rmSync(folder, { recursive: true });

const limitName = `${files.length} empty modules`;
const bytes = files.reduce((sum, file) => sum + statSync(file).size, 0);
line("client: import as published", runs.published);
line("client: import from source, types stripped on the way", runs.source);
const mebibytes = (of: readonly ClientImport[]): number =>
  median(of.map(({ rssBytes }) => rssBytes / 2 ** 20));
const memory = { value: mebibytes(runs.empty), name: limitName };
const unit = "MiB";
report({
  name: "client: memory of the import",
  value: mebibytes(runs.published),
  unit,
  limit: memory,
  runs: RUNS,
});

function line(name: string, of: readonly ClientImport[]): void {
  const value = median(of.map(({ importMs }) => importMs));
  const limit = { value: median(runs.empty.map(({ importMs }) => importMs)), name: limitName };
  const cpuMs = round(median(of.map((run) => run.cpuMs)));
  const also = { cpuMs, modules: files.length, kibibytes: round(bytes / 1024) };
  report({ name, value, unit: "ms", limit, runs: RUNS, also });
}

function writeEmptyModules(target: string, count: number): string {
  mkdirSync(target);
  const names = Array.from({ length: count - 1 }, (_, i) => `empty-${i}.js`);
  for (const name of names) writeFileSync(join(target, name), "export {};\n");
  const entry = join(target, "index.js");
  writeFileSync(entry, names.map((name) => `import "./${name}";\n`).join(""));
  return entry;
}
