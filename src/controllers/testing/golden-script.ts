/** Golden scripts: commands, `----`, and the output they must give; a test's story in one file. @module */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";

const SEPARATOR = "----";

/** Answers one command with the lines it prints. */
export type Interpreter = (command: string) => readonly string[];

/**
 * Runs the script at `url`: blocks of comments (`#`) and commands, `----`, and the expected output, up to an empty
 * line. With `update`, writes what came out instead of comparing it.
 */
export function runGoldenScript(url: URL, run: Interpreter, update: boolean): void {
  const expected = readFileSync(url, "utf8");
  const actual = expected
    .trimEnd()
    .split(/\n{2,}/)
    .map((block) => runBlock(block, run))
    .join("\n\n");
  if (update) writeFileSync(url, `${actual}\n`);
  else assert.equal(`${actual}\n`, expected);
}

function runBlock(block: string, run: Interpreter): string {
  const lines = block.split("\n");
  const end = lines.indexOf(SEPARATOR);
  const input = end < 0 ? lines : lines.slice(0, end);
  const commands = input.filter((line) => line !== "" && !line.startsWith("#"));
  if (commands.length === 0) return block;
  return [...input, SEPARATOR, ...commands.flatMap((command) => run(command))].join("\n");
}
