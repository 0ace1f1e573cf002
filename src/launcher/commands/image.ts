/** `k8ts image build|load|ls|rm`: images onto every node, without Docker and without a registry. @module */
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger, type Clock } from "#apimachinery";
import { createContainerdRuntime, type Image, type Runtime } from "#cri";
import { drivers } from "../drivers/index.ts";
import {
  ImageBuildError,
  buildImage,
  loadImageTar,
  localImages,
  normalizeReference,
} from "../image-build/index.ts";
import type { LauncherContext } from "../launcher-context.ts";
import { installPackages } from "../preflight.ts";
import { requireProfile, type NodeSpec, type Profile } from "../profile.ts";
import { containerdSocket } from "../programs.ts";
import { renderTable } from "../table.ts";
import { requireRunning } from "../server-ready.ts";
import { EXIT, UserError } from "../user-error.ts";

export interface ImageBuildFlags {
  readonly tag: string;
  readonly file?: string;
  /** `NAME=VALUE`. */
  readonly buildArg: readonly string[];
}

export async function imageBuild(
  context: LauncherContext,
  profileName: string,
  folder: string,
  flags: ImageBuildFlags,
  signal: AbortSignal,
): Promise<void> {
  const profile = await requireRealProfile(context, profileName);
  const dir = await mkdtemp(join(tmpdir(), "k8ts-image-"));
  const socketPath = containerdSocket(context.env, profile, profile.nodes[0]!);
  const output = join(dir, "image.tar");
  try {
    await context.progress.step(`Building ${flags.tag} from ${folder}`, async (note) => {
      const result = await buildImage(
        {
          context: folder,
          dockerfile: flags.file,
          tags: [flags.tag],
          output,
          buildArgs: Object.fromEntries(flags.buildArg.map(splitArgument)),
          nodeArch: process.arch,
          localImage: localImages(
            { socketPath, folder: dir, nodeArch: process.arch, clock: context.clock },
            signal,
          ),
          installPackages: (packages) => installPackages(packages, context.env, signal),
        },
        signal,
      ).catch(explainBuildError("IMAGE_BUILD"));
      const unused = result.unusedBuildArgs;
      note(unused.length > 0 ? `no ARG asks for ${unused.join(", ")}` : (result.names[0] ?? flags.tag));
    });
    await loadEverywhere(context, profile, output, signal);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

export async function imageLoad(
  context: LauncherContext,
  profileName: string,
  file: string,
  signal: AbortSignal,
): Promise<void> {
  const profile = await requireRealProfile(context, profileName);
  await loadEverywhere(context, profile, file, signal);
}

export async function imageList(
  context: LauncherContext,
  profileName: string,
  signal: AbortSignal,
): Promise<string> {
  const profile = await requireRealProfile(context, profileName);
  const lists = await Promise.all(
    profile.nodes.map((node) =>
      withRuntime(context, profile, node, (runtime) => runtime.listImages({}, signal)),
    ),
  );
  const images = new Map<string, Image>();
  for (const image of lists.flat()) for (const tag of image.repoTags) images.set(tag, image);
  const rows = [...images]
    .toSorted(([a], [b]) => a.localeCompare(b))
    .map(([tag, { id, size }]) => [tag, id.replace("sha256:", "").slice(0, 13), showSize(size)]);
  return renderTable(["IMAGE", "ID", "SIZE"], rows);
}

export async function imageRemove(
  context: LauncherContext,
  profileName: string,
  name: string,
  signal: AbortSignal,
): Promise<void> {
  const profile = await requireRealProfile(context, profileName);
  const image = { image: normalizeReference(name) ?? name };
  const had = await Promise.all(
    profile.nodes.map((node) =>
      withRuntime(context, profile, node, async (runtime) => {
        if ((await runtime.imageStatus(image, {}, signal)).image === undefined) return false;
        await runtime.removeImage(image, signal);
        return true;
      }),
    ),
  );
  if (had.includes(true)) {
    context.progress.info(`Removed ${image.image} from ${had.filter(Boolean).length} node(s)`);
    return;
  }
  throw new UserError(`no node has the image ${image.image}`, {
    id: "IMAGE_NOT_FOUND",
    exitCode: EXIT.notFound,
    fix: `k8ts image ls${profileName === "k8ts" ? "" : ` -p ${profileName}`}`,
  });
}

/** As containerd's tools show it: three digits. */
export function showSize(bytes: number): string {
  const power = Math.min(3, Math.max(0, Math.floor(Math.log10(Math.max(bytes, 1)) / 3)));
  const value = bytes / 1000 ** power;
  const unit = ["B", "kB", "MB", "GB"][power]!;
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toPrecision(3)}${unit}`;
}

async function loadEverywhere(
  context: LauncherContext,
  profile: Profile,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  const { progress, clock, env } = context;
  await progress.step(`Loading onto ${profile.nodes.length} node(s)`, async (note) => {
    const loaded = await Promise.all(
      profile.nodes.map((node) =>
        loadImageTar(
          {
            path,
            socketPath: containerdSocket(env, profile, node),
            clock,
            logger: silentLogger,
            importId: randomUUID(),
            nodeArch: process.arch,
          },
          signal,
        ).catch(explainBuildError("IMAGE_LOAD")),
      ),
    );
    note(loaded[0]!.flatMap((image) => image.names).join(", "));
  });
}

async function withRuntime<T>(
  { env, clock }: { readonly env: LauncherContext["env"]; readonly clock: Clock },
  profile: Profile,
  node: NodeSpec,
  use: (runtime: Runtime) => Promise<T>,
): Promise<T> {
  const socketPath = containerdSocket(env, profile, node);
  const runtime = createContainerdRuntime({ socketPath, clock, logger: silentLogger });
  try {
    return await use(runtime);
  } finally {
    await runtime.close();
  }
}

/** Simulated nodes have every image and hold none. */
async function requireRealProfile(context: LauncherContext, name: string): Promise<Profile> {
  const profile = await requireProfile(context.env, name);
  if (drivers[profile.driver].isReal) {
    await requireRunning(context.env, profile);
    return profile;
  }
  throw new UserError(`profile "${name}" has simulated nodes, which hold no images`, {
    id: "IMAGE_UNSUPPORTED",
    exitCode: EXIT.usage,
    fix: "k8ts start -p OTHER --driver=netns",
  });
}

function splitArgument(argument: string): [string, string] {
  const equals = argument.indexOf("=");
  if (equals > 0) return [argument.slice(0, equals), argument.slice(equals + 1)];
  throw new UserError(`--build-arg ${argument} must be NAME=VALUE`, {
    id: "BUILD_ARG_INVALID",
    exitCode: EXIT.usage,
    fix: "k8ts image build --build-arg VERSION=2 -t NAME FOLDER",
  });
}

function explainBuildError(id: "IMAGE_BUILD" | "IMAGE_LOAD"): (err: unknown) => never {
  return (err) => {
    if (!(err instanceof ImageBuildError)) throw err;
    const { message, cause, fix } = err;
    throw new UserError(message, {
      id,
      exitCode: EXIT.unavailable,
      cause,
      ...(fix !== undefined && { fix }),
    });
  };
}
