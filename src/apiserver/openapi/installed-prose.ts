/** Finds the package that carries the descriptions, if it is installed beside us. @module */
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { clientNodeProse } from "./client-node-prose.ts";
import type { ProseSource } from "./prose.ts";

const PACKAGE = "@kubernetes/client-node";

/** Undefined when the package is not installed: documents then show types alone. */
export function installedProse(): ProseSource | undefined {
  const root = packageRoot();
  if (root === undefined) return undefined;
  const { version } = JSON.parse(readFileSync(new URL("package.json", root), "utf8")) as { version: string };
  return clientNodeProse({ folder: fileURLToPath(new URL("dist/gen/models/", root)), version, readText });
}

function packageRoot(): URL | undefined {
  try {
    return new URL("../", import.meta.resolve(PACKAGE));
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === "ERR_MODULE_NOT_FOUND") return undefined;
    throw err;
  }
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw err;
  }
}
