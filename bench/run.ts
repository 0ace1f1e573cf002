/**
 * Runs every benchmark, or those whose file name contains an argument: JSON lines on standard output, one per number, and
 * a table of them all on standard error.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { globSync } from "node:fs";
import { basename } from "node:path";
import { createInterface } from "node:readline";

interface Line {
  readonly name: string;
  readonly value?: number;
  readonly unit?: string;
  readonly limit?: number;
  readonly limitName?: string;
  readonly ratio?: number;
  readonly runs?: number;
  readonly skipped?: string;
}

const wanted = process.argv.slice(2);
const files = globSync("bench/**/*.bench.ts").toSorted((a, b) => a.localeCompare(b));
const isWanted = (file: string): boolean =>
  wanted.length === 0 || wanted.some((name) => basename(file).includes(name));
const lines: Line[] = [];

for (const file of files.filter(isWanted)) {
  console.error(`# ${file}`);
  const child = spawn(process.execPath, ["--expose-gc", "--disable-warning=ExperimentalWarning", file], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  for await (const line of createInterface(child.stdout)) {
    console.log(line);
    if (line.startsWith('{"name"')) lines.push(JSON.parse(line) as Line);
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  if (child.exitCode !== 0) process.exitCode = 1;
}
console.error(
  ["", "| what | measured | limit | share of the limit | runs |", "|---|---|---|---|---|"].join("\n"),
);
for (const line of lines) console.error(row(line));

function row({ name, value, unit = "", limit, limitName, ratio, runs, skipped }: Line): string {
  if (value === undefined) return `| ${name} | skipped: ${skipped ?? "no number"} | | | |`;
  const amount = (number: number): string =>
    unit.startsWith("/") ? `${number.toLocaleString("en")}${unit}` : `${number.toLocaleString("en")} ${unit}`;
  const limitText = limit === undefined ? "" : `${amount(limit)}: ${limitName}`;
  return `| ${name} | ${amount(value)} | ${limitText} | ${ratio ?? ""} | ${runs ?? ""} |`;
}
