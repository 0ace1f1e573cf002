/** `k8ts image build`: a folder with a Dockerfile → an image archive, without Docker and without a registry. @module */
import { access, mkdtemp, readFile, rename, rm, stat } from "node:fs/promises";
import { createWriteStream } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { imageArchitecture, imageId, normalizeReference, writeArchive, type BuiltImage } from "#cri";
import { readBaseImage } from "./base-image.ts";
import { missingFiles, readNamedContexts } from "./build-file.ts";
import { buildWithBuildah } from "./buildah.ts";
import { BuildContext } from "./context.ts";
import { stageSource, type CopySource } from "./copy.ts";
import { installDebianPackages } from "./debian-packages.ts";
import { parseDockerfile, type Dockerfile } from "./dockerfile.ts";
import { ImageBuildError } from "./errors.ts";
import { FileTree } from "./file-tree.ts";
import { findStage, planBuild, whyBuildah, type BuildPlan, type BuildahReason } from "./plan.ts";
import { buildStage } from "./stage.ts";

export interface BuildImageOptions {
  /** The folder. */
  readonly context: string;
  /** Default: `Dockerfile` or `Containerfile` in the context. */
  readonly dockerfile?: string | undefined;
  /** As the user types them: `demo/web:1`. */
  readonly tags: readonly string[];
  /** The tar to write; replaced only when the build succeeds. */
  readonly output: string;
  readonly buildArgs?: Readonly<Record<string, string>>;
  /** `--build-context NAME=PATH`; wins over the folder's own `k8ts-build.yaml`. */
  readonly buildContexts?: Readonly<Record<string, string>>;
  readonly target?: string | undefined;
  /** Node's name of the processor. */
  readonly nodeArch: string;
  /** The archive of an image that is here, by canonical reference. */
  readonly localImage?: (reference: string) => Promise<string | undefined>;
  /** Default: apt-get. */
  readonly installPackages?: (packages: readonly string[], signal: AbortSignal) => Promise<void>;
  /** One line for each thing that is done. */
  readonly onStep?: (text: string) => void;
}

export interface BuildResult {
  /** Canonical. */
  readonly names: readonly string[];
  /** Digest of the configuration. */
  readonly id: string;
  readonly output: string;
  /** Arguments that no ARG asked for. */
  readonly unusedBuildArgs: readonly string[];
}

/** Rejects with an ImageBuildError; leaves no file behind then. */
export async function buildImage(options: BuildImageOptions, signal: AbortSignal): Promise<BuildResult> {
  const names = options.tags.map(canonical);
  if (names.length === 0) throw new ImageBuildError("An image needs a name: give --tag");
  const dockerfilePath = await findDockerfile(options);
  const dockerfile = parseDockerfile(await readFile(dockerfilePath, "utf8"));
  const architecture = imageArchitecture(options.nodeArch);
  const buildArgs = new Map(Object.entries(options.buildArgs ?? {}));
  const plan = planBuild(dockerfile, {
    buildArgs,
    platformArgs: platformArgs(architecture),
    target: options.target,
  });
  const contexts = await prepareContexts(options, signal);
  const locals = await findLocalImages(plan, options);
  const reason = whyBuildah(
    plan,
    (image) => locals.has(image),
    (name) => contexts.has(name.toLowerCase()),
  );
  const unusedBuildArgs = [...buildArgs.keys()].filter((name) => !declaresArg(dockerfile, name));
  const folder = await mkdtemp(`${resolve(options.output)}.building-`);
  try {
    const shared = {
      options,
      dockerfile,
      dockerfilePath,
      plan,
      contexts,
      locals,
      names,
      architecture,
      buildArgs,
      folder,
    };
    const image =
      reason === undefined ? await buildStages(shared, signal) : await delegate(shared, reason, signal);
    const partial = join(folder, "image.tar");
    await pipeline(Readable.from(writeArchive(image, names)), createWriteStream(partial), { signal });
    await rename(partial, options.output);
    return { names, id: imageId(image), output: options.output, unusedBuildArgs };
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** What buildah makes of it, in the form of what we make. */
async function delegate(build: Build, reason: BuildahReason, signal: AbortSignal): Promise<BuiltImage> {
  const { options, dockerfilePath, contexts, locals, folder, ...settings } = build;
  const { context, target, onStep } = options;
  onStep?.(`Handing over to buildah: ${reason.what}`);
  const output = join(folder, "buildah.tar");
  const paths = { context, target, output, dockerfile: dockerfilePath, localArchives: [...locals.values()] };
  await buildWithBuildah({ ...settings, ...paths, buildContexts: contexts }, reason, signal);
  return readBaseImage(output, folder, new FileTree(), build.architecture, signal);
}

interface Build {
  readonly options: BuildImageOptions;
  readonly dockerfile: Dockerfile;
  readonly dockerfilePath: string;
  readonly names: readonly string[];
  readonly plan: BuildPlan;
  readonly contexts: ReadonlyMap<string, string>;
  readonly locals: ReadonlyMap<string, string>;
  readonly architecture: string;
  readonly buildArgs: ReadonlyMap<string, string>;
  readonly folder: string;
}

async function buildStages(build: Build, signal: AbortSignal): Promise<BuiltImage> {
  const { options, plan, dockerfile, architecture, buildArgs, folder } = build;
  const own = await BuildContext.open(options.context);
  const named = new Map<string, BuildContext>();
  for (const [name, path] of build.contexts) named.set(name, await BuildContext.open(path));
  const built = new Map<number, { image: BuiltImage; tree: FileTree }>();
  for (const stage of plan.stages) {
    const tree = new FileTree();
    const base = await startFrom(build, stage.base, built, tree, signal);
    const source = (from: string | undefined): CopySource => {
      if (from === undefined) return own;
      const earlier = findStage(plan.stages.slice(0, plan.stages.indexOf(stage)), from);
      if (earlier !== undefined) return stageSource(built.get(earlier.index)!.tree);
      const context = named.get(from.toLowerCase());
      if (context === undefined) throw new ImageBuildError(`COPY --from=${from} names no stage before it`);
      return context;
    };
    const onStep = options.onStep ?? ((): void => {});
    const input = {
      stage,
      escape: dockerfile.escape,
      globalArgs: plan.globalArgs,
      buildArgs,
      architecture,
      folder,
    };
    const image = await buildStage({ ...input, base: { image: base, tree }, source, onStep }, signal);
    built.set(stage.index, { image, tree });
  }
  return built.get(plan.stages.at(-1)!.index)!.image;
}

/** Fills `tree` with what is there already; undefined for scratch. */
async function startFrom(
  build: Build,
  base: BuildPlan["stages"][number]["base"],
  built: ReadonlyMap<number, { image: BuiltImage; tree: FileTree }>,
  tree: FileTree,
  signal: AbortSignal,
): Promise<BuiltImage | undefined> {
  if ("stage" in base) {
    const earlier = built.get(base.stage)!;
    for (const entry of earlier.tree.below("/")) tree.addBase(entry);
    return earlier.image;
  }
  if (base.image === "scratch") return undefined;
  const folder = await mkdtemp(join(build.folder, "base-"));
  return readBaseImage(build.locals.get(base.image)!, folder, tree, build.architecture, signal);
}

/** Every folder that COPY --from may name, with its files in place. */
async function prepareContexts(
  options: BuildImageOptions,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const contexts = new Map<string, string>();
  const given = new Map(
    Object.entries(options.buildContexts ?? {}).map(([name, path]) => [name.toLowerCase(), path]),
  );
  for (const [name, context] of await readNamedContexts(options.context)) {
    if (given.has(name)) continue;
    if ((await missingFiles(context)).length > 0 && context.packages.length > 0) {
      options.onStep?.(`Installing ${context.packages.join(", ")}`);
      await (options.installPackages ?? installDebianPackages)(context.packages, signal);
    }
    const missing = await missingFiles(context);
    if (missing.length > 0)
      throw new ImageBuildError(`The build context ${name} lacks ${missing.join(", ")}`);
    contexts.set(name, context.hostPath);
  }
  for (const [name, path] of given) contexts.set(name, path);
  return contexts;
}

/** FROM's image as written → its archive, for those that are here. */
async function findLocalImages(
  plan: BuildPlan,
  options: BuildImageOptions,
): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (const { base } of plan.stages) {
    if (!("image" in base) || base.image === "scratch") continue;
    const archive = await options.localImage?.(canonical(base.image));
    if (archive !== undefined) found.set(base.image, archive);
  }
  return found;
}

async function findDockerfile({ context, dockerfile }: BuildImageOptions): Promise<string> {
  const isFolder = await stat(context).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isFolder) throw new ImageBuildError(`${context} is not a folder`);
  const candidates =
    dockerfile === undefined
      ? ["Dockerfile", "Containerfile"].map((name) => join(context, name))
      : [dockerfile];
  for (const path of candidates)
    if (
      await access(path).then(
        () => true,
        () => false,
      )
    )
      return path;
  throw new ImageBuildError(`Cannot find ${candidates.join(" or ")} in ${dirname(candidates[0]!)}`);
}

function platformArgs(architecture: string): ReadonlyMap<string, string> {
  const platform = { PLATFORM: `linux/${architecture}`, OS: "linux", ARCH: architecture };
  const both = Object.entries(platform).flatMap(
    ([name, value]) =>
      [
        [`TARGET${name}`, value],
        [`BUILD${name}`, value],
      ] as const,
  );
  return new Map(both);
}

function declaresArg({ instructions }: Dockerfile, wanted: string): boolean {
  return instructions.some(
    ({ name, rest }) => name === "ARG" && rest.split(/\s+/).some((word) => word.split("=")[0] === wanted),
  );
}

function canonical(tag: string): string {
  const name = normalizeReference(tag);
  if (name === undefined) throw new ImageBuildError(`${tag} is not a valid image name`);
  return name;
}
