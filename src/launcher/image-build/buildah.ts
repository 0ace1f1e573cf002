/** Builds that must run commands or fetch images: handed to buildah, whole. @module */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { ImageBuildError } from "./errors.ts";
import type { BuildahReason } from "./plan.ts";

const run = promisify(execFile);

/** Of a build's output that is kept to explain a failure. */
const OUTPUT_BYTES_MAX = 16 * 1024 * 1024;
const ERROR_TAIL_CHARACTERS = 2_000;

export interface BuildahOptions {
  readonly context: string;
  readonly dockerfile: string;
  /** Canonical. */
  readonly names: readonly string[];
  readonly buildArgs: ReadonlyMap<string, string>;
  readonly buildContexts: ReadonlyMap<string, string>;
  readonly target?: string | undefined;
  readonly architecture: string;
  /** Archives of local images that the Dockerfile starts from. */
  readonly localArchives: readonly string[];
  /** The archive to write, in Docker's layout; must not exist. */
  readonly output: string;
}

export async function buildWithBuildah(
  options: BuildahOptions,
  reason: BuildahReason,
  signal: AbortSignal,
): Promise<void> {
  const why = `${reason.what} (Dockerfile line ${reason.line}) needs buildah`;
  await run("buildah", ["--version"], { signal }).catch(() => {
    signal.throwIfAborted();
    const fix = "apt-get install -y --no-install-recommends buildah";
    throw new ImageBuildError(`${why}, which is not installed`, undefined, undefined, fix);
  });
  try {
    for (const archive of options.localArchives) await buildah(["pull", `docker-archive:${archive}`], signal);
    await buildah(buildArguments(options), signal);
    const [name = ""] = options.names;
    await buildah(["push", name, `docker-archive:${options.output}:${name}`], signal);
  } catch (err) {
    signal.throwIfAborted();
    const { stderr = "", message } = err as Error & { stderr?: string };
    const said = stderr.trim() === "" ? message : stderr.trim().slice(-ERROR_TAIL_CHARACTERS);
    throw new ImageBuildError(`${why}, and buildah failed: ${said}`, undefined, err);
  }
}

/** Pure, for the sake of its test. */
export function buildArguments(options: BuildahOptions): readonly string[] {
  const args = ["build", "--format", "docker", "--arch", options.architecture, "--file", options.dockerfile];
  for (const name of options.names) args.push("--tag", name);
  for (const [name, value] of options.buildArgs) args.push("--build-arg", `${name}=${value}`);
  for (const [name, path] of options.buildContexts) args.push("--build-context", `${name}=${path}`);
  if (options.target !== undefined) args.push("--target", options.target);
  return [...args, options.context];
}

async function buildah(args: readonly string[], signal: AbortSignal): Promise<void> {
  await run("buildah", args, { signal, maxBuffer: OUTPUT_BYTES_MAX });
}
