/**
 * `k8ts-build.yaml` beside a Dockerfile: the folders of this machine that the build copies from, which Docker
 * would be given as `--build-context NAME=PATH`, and the packages that put the files there.
 * @module
 */
import { access, readFile } from "node:fs/promises";
import { join } from "node:path";
import { CORE_SCHEMA, load } from "js-yaml";
import { ImageBuildError } from "./errors.ts";

export interface NamedContext {
  /** A folder on this machine. */
  readonly hostPath: string;
  /** Files that must be in it. */
  readonly files: readonly string[];
  /** Debian's packages that bring them. */
  readonly packages: readonly string[];
}

const BUILD_FILE = "k8ts-build.yaml";

/** By the name that `COPY --from` uses. Without the file: none. */
export async function readNamedContexts(context: string): Promise<ReadonlyMap<string, NamedContext>> {
  const path = join(context, BUILD_FILE);
  const text = await readFile(path, "utf8").catch((err: NodeJS.ErrnoException) => {
    if (err.code === "ENOENT") return undefined;
    throw err;
  });
  const found = new Map<string, NamedContext>();
  if (text === undefined) return found;
  const document = record(load(text, { schema: CORE_SCHEMA, filename: path }), path);
  for (const [name, value] of Object.entries(
    record(document["buildContexts"] ?? {}, `${path}: buildContexts`),
  )) {
    const where = `${path}: buildContexts.${name}`;
    const { hostPath, files = [], packages = [] } = record(value, where);
    if (typeof hostPath !== "string" || !hostPath.startsWith("/"))
      throw new ImageBuildError(`${where}.hostPath must be an absolute path`);
    found.set(name.toLowerCase(), {
      hostPath,
      files: strings(files, `${where}.files`),
      packages: strings(packages, `${where}.packages`),
    });
  }
  return found;
}

/** Names of the context's files that are not there. */
export async function missingFiles({ hostPath, files }: NamedContext): Promise<readonly string[]> {
  const missing: string[] = [];
  for (const file of files)
    await access(join(hostPath, file)).catch(() => missing.push(join(hostPath, file)));
  return missing;
}

function record(value: unknown, where: string): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new ImageBuildError(`${where} must be a mapping`);
  return value as Readonly<Record<string, unknown>>;
}

function strings(value: unknown, where: string): readonly string[] {
  if (!Array.isArray(value) || !value.every((item) => typeof item === "string"))
    throw new ImageBuildError(`${where} must be a list of strings`);
  return value;
}
