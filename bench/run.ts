/** Runs every benchmark, or those whose file name contains an argument; each prints JSON lines with its limit and the ratio. */
import { spawnSync } from "node:child_process";
import { globSync } from "node:fs";
import { basename } from "node:path";

const wanted = process.argv.slice(2);
const files = globSync("bench/**/*.bench.ts").toSorted((a, b) => a.localeCompare(b));
const chosen = files.filter((file) => wanted.length === 0 || wanted.some((name) => basename(file).includes(name)));

for (const file of chosen) {
  console.error(`# ${file}`);
  const { status } = spawnSync(process.execPath, ["--expose-gc", file], { stdio: "inherit" });
  if (status !== 0) process.exitCode = 1;
}
