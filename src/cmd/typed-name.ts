/** Shows commands as this user must type them: a fresh clone has `./k8ts` and nothing on PATH. @module */
import { existsSync } from "node:fs";
import { join } from "node:path";

/** `called` is what the shell launcher was called as. */
export function typedName(
  called: string | undefined,
  path: string,
  exists: (file: string) => boolean = existsSync,
): string {
  const isOnPath = path.split(":").some((dir) => dir.startsWith("/") && exists(join(dir, "k8ts")));
  return isOnPath || called === undefined ? "k8ts" : called;
}

/** Puts that name before every command in a sentence that names it `k8ts`. */
export function asTyped(text: string, name: string): string {
  return text.replaceAll(/(?<![\w./-])k8ts (?=[a-z])/g, `${name.replaceAll("$", "$$$$")} `);
}
