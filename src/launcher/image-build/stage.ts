/** Builds one stage: instructions → layers and configuration. @module */
import { join, posix } from "node:path";
import type { BuiltImage, ImageConfig, ImageSettings, Layer } from "#cri";
import type { Instruction } from "./dockerfile.ts";
import { copyInto, parseMode, parseOwner, type CopySource } from "./copy.ts";
import { ImageBuildError } from "./errors.ts";
import type { FileTree } from "./file-tree.ts";
import { writeLayer } from "./layer.ts";
import { addArgs, type Stage } from "./plan.ts";
import { assignments, expand, words, type Variables } from "./words.ts";

export interface StageInput {
  readonly stage: Stage;
  readonly escape: string;
  readonly globalArgs: Variables;
  readonly buildArgs: Variables;
  /** What it starts from; empty for scratch. */
  readonly base: { readonly image: BuiltImage | undefined; readonly tree: FileTree };
  /** Undefined for the build's own context. */
  readonly source: (from: string | undefined) => CopySource;
  readonly architecture: string;
  /** For layers. */
  readonly folder: string;
  readonly onStep: (text: string) => void;
}

interface Work {
  readonly input: StageInput;
  readonly tree: FileTree;
  readonly layers: Layer[];
  readonly history: { created_by: string; empty_layer?: boolean }[];
  readonly env: Map<string, string>;
  readonly args: Map<string, string>;
  settings: ImageSettings;
  shell: readonly string[];
  /** CMD stands in this stage, so that an ENTRYPOINT does not reset it. */
  hasCmd: boolean;
}

export async function buildStage(input: StageInput, signal: AbortSignal): Promise<BuiltImage> {
  const base = input.base.image;
  const settings = base?.config.config ?? {};
  const work: Work = {
    input,
    tree: input.base.tree,
    layers: [...(base?.layers ?? [])],
    history: [...((base?.config.history ?? []) as Work["history"])],
    env: new Map((settings.Env ?? []).map(splitEnv)),
    // Only ARG makes the others visible.
    args: new Map(),
    settings,
    shell: ["/bin/sh", "-c"],
    hasCmd: false,
  };
  for (const instruction of input.stage.instructions) await step(work, instruction, signal);
  const config: ImageConfig = {
    architecture: input.architecture,
    os: "linux",
    config: { ...work.settings, Env: [...work.env].map(([name, value]) => `${name}=${value}`) },
    rootfs: { type: "layers", diff_ids: work.layers.map((layer) => layer.diffId) },
    history: work.history,
  };
  return { config, layers: work.layers };
}

async function step(work: Work, instruction: Instruction, signal: AbortSignal): Promise<void> {
  const { name, rest, line } = instruction;
  const { stage, onStep, folder } = work.input;
  onStep(`${name} ${rest}`);
  try {
    await run(work, instruction);
    const entries = work.tree.takeLayer();
    const created_by = `${name} ${rest}`;
    if (entries.length === 0) return void work.history.push({ created_by, empty_layer: true });
    const path = join(folder, `layer-${stage.index}-${work.layers.length}.tar.gz`);
    work.layers.push(await writeLayer(entries, path, signal));
    work.history.push({ created_by });
  } catch (err) {
    if (!(err instanceof ImageBuildError) || err.line !== undefined) throw err;
    throw new ImageBuildError(err.message, line, err);
  }
}

/** Instructions that change files or what later ones see. */
async function run(work: Work, instruction: Instruction): Promise<void> {
  const { input, env, args } = work;
  const { name, rest } = instruction;
  switch (name) {
    case "COPY":
    case "ADD":
      return copy(work, instruction);
    case "ARG":
      return addArgs(
        args,
        instruction,
        { given: input.buildArgs, inherited: input.globalArgs, visible: variables(work) },
        input.escape,
      );
    case "ENV": {
      const before = variables(work);
      for (const [key, value] of assignments(rest, input.escape))
        env.set(key, expand(value, before, input.escape));
      return;
    }
    case "WORKDIR": {
      const path = posix.resolve(work.settings.WorkingDir ?? "/", expandWord(work, rest));
      work.settings = { ...work.settings, WorkingDir: path };
      work.tree.addFolder(path);
      return;
    }
    case "SHELL":
      if (instruction.json === undefined) throw new ImageBuildError("SHELL takes a JSON list");
      work.shell = instruction.json;
      return;
    default:
      work.settings = configure(work, instruction);
  }
}

/** Instructions that only change the configuration. */
function configure(work: Work, instruction: Instruction): ImageSettings {
  const { settings, input } = work;
  const { name, rest, json } = instruction;
  const list = (): readonly string[] => words(expand(rest, variables(work), input.escape), input.escape);
  switch (name) {
    case "CMD":
      work.hasCmd = true;
      return { ...settings, Cmd: json ?? [...work.shell, rest] };
    case "ENTRYPOINT": {
      const { Cmd, ...others } = settings;
      const kept = work.hasCmd && Cmd !== undefined ? { ...others, Cmd } : others;
      return { ...kept, Entrypoint: json ?? [...work.shell, rest] };
    }
    case "USER":
      return { ...settings, User: expandWord(work, rest) };
    case "STOPSIGNAL":
      return { ...settings, StopSignal: expandWord(work, rest) };
    case "EXPOSE":
      return { ...settings, ExposedPorts: { ...settings.ExposedPorts, ...exposed(list()) } };
    case "VOLUME":
      return { ...settings, Volumes: { ...settings.Volumes, ...keys(json ?? list()) } };
    case "LABEL": {
      const before = variables(work);
      const labels = assignments(rest, input.escape).map(([key, value]) => [
        key,
        expand(value, before, input.escape),
      ]);
      return {
        ...settings,
        Labels: { ...settings.Labels, ...(Object.fromEntries(labels) as Record<string, string>) },
      };
    }
    case "HEALTHCHECK":
    case "MAINTAINER":
      // Kubernetes has probes of its own; a maintainer is nothing that runs.
      return settings;
    default:
      throw new ImageBuildError(`${name} needs buildah`);
  }
}

async function copy(work: Work, { rest, json, flags }: Instruction): Promise<void> {
  const { input, tree } = work;
  const all = variables(work);
  const given =
    json?.map((word) => expand(word, all, input.escape)) ??
    words(expand(rest, all, input.escape), input.escape);
  const destination = given.at(-1);
  if (destination === undefined || given.length < 2)
    throw new ImageBuildError("COPY takes a source and a destination");
  for (const flag of Object.keys(flags))
    if (!["from", "chown", "chmod", "link"].includes(flag))
      throw new ImageBuildError(`COPY --${flag} is not supported`);
  await copyInto(tree, input.source(flags["from"]), given.slice(0, -1), {
    destination,
    workingDir: work.settings.WorkingDir ?? "/",
    owner: await parseOwner(
      tree,
      flags["chown"] === undefined ? undefined : expand(flags["chown"], all, input.escape),
    ),
    mode: parseMode(flags["chmod"]),
  });
}

/** ENV wins over ARG. */
function variables({ args, env }: Work): Variables {
  return new Map([...args, ...env]);
}

function expandWord(work: Work, text: string): string {
  const { escape } = work.input;
  return words(expand(text, variables(work), escape), escape).join(" ");
}

/** `80`, `80/udp`, `8000-8002`. */
function exposed(ports: readonly string[]): Readonly<Record<string, object>> {
  const names: string[] = [];
  for (const port of ports) {
    const [, first = "", last = first, protocol = "tcp"] =
      /^(\d+)(?:-(\d+))?(?:\/(tcp|udp|sctp))?$/i.exec(port) ?? [];
    if (first === "" || Number(last) > 65_535) throw new ImageBuildError(`EXPOSE takes ports, not ${port}`);
    for (let at = Number(first); at <= Number(last); at++) names.push(`${at}/${protocol.toLowerCase()}`);
  }
  return keys(names);
}

function keys(names: readonly string[]): Readonly<Record<string, object>> {
  return Object.fromEntries(names.map((name) => [name, {}]));
}

function splitEnv(line: string): readonly [string, string] {
  const at = line.indexOf("=");
  return at < 0 ? [line, ""] : [line.slice(0, at), line.slice(at + 1)];
}
