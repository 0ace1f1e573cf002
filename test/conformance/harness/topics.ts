/** Where topic files are. @module */
import { globSync } from "node:fs";
import { join } from "node:path";

const FOLDER = join(import.meta.dirname, "..");

/** `<sig>/<topic>.test.ts`, in the order of their paths. */
export function topicFiles(): readonly string[] {
  return globSync("*/**/*.test.ts", { cwd: FOLDER })
    .filter((file) => !file.startsWith("harness/"))
    .toSorted()
    .map((file) => join(FOLDER, file));
}
