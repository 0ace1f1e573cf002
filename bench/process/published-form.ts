/** Modules as they are published: plain JavaScript in a folder of their own, since Node strips types only outside packages. @module */
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { dirname, join, relative } from "node:path";

const ROOT = join(import.meta.dirname, "../..");

/** Writes `files` of this repository to `folder`; the result of `entry` is the path of that file there. */
export function writePublishedForm(files: readonly string[], entry: string, folder: string): string {
  const target = (file: string): string => join(folder, relative(ROOT, file).replace(/\.ts$/, ".js"));
  for (const file of files.filter((name) => name.endsWith(".ts"))) {
    const script = stripTypeScriptTypes(readFileSync(file, "utf8"));
    mkdirSync(dirname(target(file)), { recursive: true });
    writeFileSync(target(file), script.replace(/(from|import)(\s*\(?\s*"\.[^"]*)\.ts"/g, '$1$2.js"'));
  }
  const { imports } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { imports: object };
  const published = JSON.stringify({ type: "module", imports }).replaceAll(".ts", ".js");
  writeFileSync(join(folder, "package.json"), published);
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  return target(join(ROOT, entry));
}
