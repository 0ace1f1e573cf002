/**
 * Generates `src/api/<group>/<version>/{types,facts}.gen.ts` from the published API definitions.
 *
 *     node hack/update-api.ts [--check] SWAGGER SOURCES
 *
 * SWAGGER is the OpenAPI v2 document of Kubernetes; SOURCES a folder that holds the Go sources of `api`, `apimachinery`,
 * `apiextensions-apiserver` and `kube-aggregator` of the same version, as a vendored `k8s.io` folder does.
 * With `--check` nothing is written: it exits 1 and names what differs. What graduated in the next release is added to
 * it (`update-api/graduated.ts`).
 * @module
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { packagesOf, type Swagger } from "./update-api/definitions.ts";
import { withGraduated } from "./update-api/graduated.ts";
import { renderFacts, renderIndex, renderTypes } from "./update-api/render.ts";
import { resourcesOf } from "./update-api/resources.ts";

/** Path below `src/api` -> content. */
export function generate(swagger: Swagger, sources: string): ReadonlyMap<string, string> {
  const published = { packages: packagesOf(swagger, sources), resources: resourcesOf(swagger) };
  const { packages, resources } = withGraduated(published);
  const files = new Map<string, string>();
  for (const pkg of packages) {
    const own = pkg.folder.startsWith("meta/") ? [] : (resources.get(`${pkg.group}/${pkg.version}`) ?? []);
    files.set(`${pkg.folder}/types.gen.ts`, renderTypes(pkg, packages));
    files.set(`${pkg.folder}/facts.gen.ts`, renderFacts(pkg, packages, own));
  }
  files.set("all-facts.gen.ts", renderIndex(packages));
  return files;
}

/** Paths under `root` whose content is not what the definitions say. */
export function outdated(root: string, files: ReadonlyMap<string, string>): readonly string[] {
  const differs = ([path, text]: readonly [string, string]): boolean =>
    !existsSync(join(root, path)) || readFileSync(join(root, path), "utf8") !== text;
  return [...files].filter(differs).map(([path]) => path);
}

function main(): void {
  const { values, positionals } = parseArgs({
    options: { check: { type: "boolean", default: false }, out: { type: "string", default: "src/api" } },
    allowPositionals: true,
  });
  const [document, sources] = positionals;
  if (document === undefined || sources === undefined) {
    console.error("usage: node hack/update-api.ts [--check] [--out FOLDER] SWAGGER SOURCES");
    process.exitCode = 2;
    return;
  }
  const files = generate(JSON.parse(readFileSync(document, "utf8")) as Swagger, sources);
  const changed = outdated(values.out, files);
  if (values.check) {
    for (const path of changed) console.error(`${join(values.out, path)} is not what the definitions say`);
    process.exitCode = changed.length > 0 ? 1 : 0;
    return;
  }
  for (const path of changed) {
    mkdirSync(dirname(join(values.out, path)), { recursive: true });
    writeFileSync(join(values.out, path), files.get(path)!);
  }
  console.log(`${files.size} files, ${changed.length} changed`);
}

if (import.meta.main) main();
