/** Decides what of a Dockerfile must be built, and whether we can: its stages, in order, and what needs buildah. @module */
import type { Dockerfile, Instruction } from "./dockerfile.ts";
import { ImageBuildError } from "./errors.ts";
import { assignments, expand, words, type Variables } from "./words.ts";

export interface Stage {
  readonly index: number;
  /** In lower case; undefined without AS. */
  readonly name: string | undefined;
  /** What FROM names: another stage's index, `scratch`, or an image. */
  readonly base: { readonly stage: number } | { readonly image: string };
  readonly line: number;
  /** Without FROM. */
  readonly instructions: readonly Instruction[];
}

export interface BuildPlan {
  /** Those that the target needs, in order; the last one is the target. */
  readonly stages: readonly Stage[];
  /** ARGs before the first FROM, with their values. */
  readonly globalArgs: Variables;
}

export interface PlanOptions {
  readonly buildArgs: Variables;
  /** Docker's predefined arguments (TARGETARCH, …). */
  readonly platformArgs: Variables;
  /** Name of the stage to build; the last one by default. */
  readonly target?: string | undefined;
}

/** Something in the file that takes more than copying files. */
export interface BuildahReason {
  readonly line: number;
  readonly what: string;
}

const KNOWN: ReadonlySet<string> = new Set(
  (
    "ADD ARG CMD COPY ENTRYPOINT ENV EXPOSE HEALTHCHECK LABEL MAINTAINER " +
    "ONBUILD RUN SHELL STOPSIGNAL USER VOLUME WORKDIR"
  ).split(" "),
);
const ARCHIVE = /\.(tar|tar\.(gz|bz2|xz|zst)|tgz|tbz2?|txz)$/;

export function planBuild({ instructions, escape }: Dockerfile, options: PlanOptions): BuildPlan {
  const globalArgs = new Map(options.platformArgs);
  const stages: { -readonly [K in keyof Stage]: Stage[K] }[] = [];
  for (const instruction of instructions) {
    const current = stages.at(-1);
    if (instruction.name === "FROM") stages.push(parseFrom(instruction, stages, globalArgs, escape));
    else if (!KNOWN.has(instruction.name))
      throw new ImageBuildError(`Unknown instruction ${instruction.name}`, instruction.line);
    else if (current !== undefined) current.instructions = [...current.instructions, instruction];
    else if (instruction.name === "ARG")
      addArgs(
        globalArgs,
        instruction,
        { given: options.buildArgs, inherited: globalArgs, visible: globalArgs },
        escape,
      );
    else throw new ImageBuildError(`${instruction.name} before the first FROM`, instruction.line);
  }
  const target = options.target === undefined ? stages.at(-1) : findStage(stages, options.target);
  if (target === undefined)
    throw new ImageBuildError(
      options.target === undefined
        ? "The Dockerfile has no FROM"
        : `The Dockerfile has no stage ${options.target}`,
    );
  return { stages: withDependencies(target, stages), globalArgs };
}

/**
 * Sets the arguments that an ARG instruction declares: as given to the build, else by its default, else as
 * inherited from before the first FROM.
 */
export function addArgs(
  args: Map<string, string>,
  { rest }: Instruction,
  from: { readonly given: Variables; readonly inherited: Variables; readonly visible: Variables },
  escape: string,
): void {
  for (const word of words(rest, escape)) {
    const [name = "", fallback] = word.includes("=") ? assignments(word, escape)[0]! : [word, undefined];
    const byDefault =
      fallback === undefined ? from.inherited.get(name) : expand(fallback, from.visible, escape);
    const value = from.given.get(name) ?? byDefault;
    if (value !== undefined) args.set(name, value);
  }
}

/** Undefined when copying files is all there is to do. `isLocal` tells of images that are here. */
export function whyBuildah(
  plan: BuildPlan,
  isLocal: (image: string) => boolean,
  isContext: (name: string) => boolean,
): BuildahReason | undefined {
  for (const stage of plan.stages) {
    if ("image" in stage.base && stage.base.image !== "scratch" && !isLocal(stage.base.image))
      return { line: stage.line, what: `the base image ${stage.base.image}, which is not here` };
    for (const { line, name, rest, flags } of stage.instructions) {
      if (name === "RUN" || name === "ONBUILD") return { line, what: name };
      if (name !== "COPY" && name !== "ADD") continue;
      const { from } = flags;
      if (rest.includes("<<")) return { line, what: "a here-document" };
      if (name === "ADD" && /(^|[\s"[])(https?:|git@|ssh:)/.test(rest)) return { line, what: "ADD of a URL" };
      if (name === "ADD" && rest.split(/[\s",]+/).some((word) => ARCHIVE.test(word)))
        return { line, what: "ADD of an archive" };
      if (from !== undefined && findStage(plan.stages, from) === undefined && !isContext(from))
        return { line, what: `COPY from the image ${from}` };
    }
  }
  return undefined;
}

/** By name, or by number. */
export function findStage(stages: readonly Stage[], wanted: string): Stage | undefined {
  const name = wanted.toLowerCase();
  return stages.find((stage) => stage.name === name) ?? stages.find((stage) => String(stage.index) === name);
}

function parseFrom(
  { rest, line }: Instruction,
  earlier: readonly Stage[],
  globalArgs: Variables,
  escape: string,
): Stage {
  const [image = "", as, name, ...more] = words(expand(rest, globalArgs, escape), escape);
  if (image === "") throw new ImageBuildError("FROM names no image", line);
  if (
    (as !== undefined && as.toUpperCase() !== "AS") ||
    (as !== undefined && name === undefined) ||
    more.length > 0
  )
    throw new ImageBuildError(`Expected FROM IMAGE [AS NAME], not FROM ${rest}`, line);
  const stage = earlier.findLast((one) => one.name === image.toLowerCase());
  return {
    index: earlier.length,
    name: name?.toLowerCase(),
    base: stage === undefined ? { image } : { stage: stage.index },
    line,
    instructions: [],
  };
}

function withDependencies(target: Stage, stages: readonly Stage[]): readonly Stage[] {
  const needed = new Set<Stage>();
  const visit = (stage: Stage): void => {
    if (needed.has(stage)) return;
    const before = stages.slice(0, stage.index);
    if ("stage" in stage.base) visit(stages[stage.base.stage]!);
    for (const { flags } of stage.instructions) {
      const from = flags["from"] === undefined ? undefined : findStage(before, flags["from"]);
      if (from !== undefined) visit(from);
    }
    needed.add(stage);
  };
  visit(target);
  return [...needed];
}
