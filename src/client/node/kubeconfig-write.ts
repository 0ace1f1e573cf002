/** Changes to a kubeconfig file: under kubectl's lock, all or nothing, and everything else in it as it was. @module */
import { mkdir, open, readFile, realpath, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { systemClock, type Clock } from "#apimachinery";
import { noYaml, type KubeconfigCluster, type KubeconfigUser } from "./kubeconfig.ts";

export interface ContextEntry {
  /** Name of the context, its cluster and its user. */
  readonly name: string;
  readonly cluster: KubeconfigCluster;
  readonly user: KubeconfigUser;
  /** Absent: the one that the context has already, if somebody has set one. */
  readonly namespace?: string;
}

export interface WriteContextOptions {
  /** Make it the current context; the one before is remembered and comes back with `removeContext`. Default true. */
  readonly setCurrent?: boolean;
  readonly clock?: Clock;
}

type Raw = Record<string, unknown>;
type Named = { readonly name: string } & Raw;

/** Of the context's `extensions`, where programs keep what is theirs. */
const EXTENSION = "k8ts";
/** kubectl holds its lock for milliseconds; a file left behind by a killed one is for the user to judge. */
const LOCK_TRIES_MAX = 50;
const LOCK_DELAY_MS = 100;
const FILE_MODE = 0o600;

/** Adds or replaces the context, its cluster and its user; makes the file and its folder when missing. */
export async function mergeContext(
  file: string,
  entry: ContextEntry,
  signal: AbortSignal,
  { setCurrent = true, clock = systemClock }: WriteContextOptions = {},
): Promise<void> {
  await change(file, clock, signal, (config) => {
    const { name } = entry;
    const known = find(config["contexts"], name)?.["context"] as Raw | undefined;
    const namespace = entry.namespace ?? known?.["namespace"];
    const before = typeof config["current-context"] === "string" ? config["current-context"] : "";
    const previous = before === name ? previousContext(config, name) : before;
    const context = {
      cluster: name,
      user: name,
      ...(namespace !== undefined && { namespace }),
      extensions: [{ name: EXTENSION, extension: { previousContext: previous } }],
    };
    return {
      apiVersion: "v1",
      kind: "Config",
      ...config,
      clusters: put(config["clusters"], { name, cluster: entry.cluster }),
      contexts: put(config["contexts"], { name, context }),
      users: put(config["users"], { name, user: entry.user }),
      ...(setCurrent && { "current-context": name }),
    };
  });
}

export async function setCurrentContext(
  file: string,
  name: string,
  signal: AbortSignal,
  clock: Clock = systemClock,
): Promise<void> {
  await change(file, clock, signal, (config) => {
    if (find(config["contexts"], name) === undefined)
      throw new Error(`no context exists with the name: ${JSON.stringify(name)}`);
    return { ...config, "current-context": name };
  });
}

/**
 * Takes the context out, with its cluster and user unless another context uses them. When it was the current one, the
 * one before it is current again, if it still exists. Does nothing when there is no such file or context.
 */
export async function removeContext(
  file: string,
  name: string,
  signal: AbortSignal,
  clock: Clock = systemClock,
): Promise<void> {
  await change(file, clock, signal, (config) => {
    const removed = find(config["contexts"], name)?.["context"] as Raw | undefined;
    if (removed === undefined) return undefined;
    const contexts = without(config["contexts"], name);
    const isUsed = (field: string): boolean =>
      contexts.some((other) => (other["context"] as Raw | undefined)?.[field] === removed[field]);
    const drop = (list: string, field: string): Named[] =>
      isUsed(field) ? entries(config[list]) : without(config[list], String(removed[field]));
    const previous = previousContext(config, name);
    const current = find(contexts, previous) === undefined ? "" : previous;
    return {
      ...config,
      clusters: drop("clusters", "cluster"),
      contexts,
      users: drop("users", "user"),
      ...(config["current-context"] === name && { "current-context": current }),
    };
  });
}

/** `edit` returns the new content, or undefined to leave the file alone. */
async function change(
  file: string,
  clock: Clock,
  signal: AbortSignal,
  edit: (config: Raw) => Raw | undefined,
): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const target = await followLinks(file);
  const lock = `${target}.lock`;
  await takeLock(lock, clock, signal);
  try {
    const { load, dump } = await import("js-yaml");
    const text = await readIfThere(target);
    const config = text.trim() === "" ? {} : parsed(load, text, file);
    if (typeof config !== "object" || config === null || Array.isArray(config))
      throw new Error(`Kubeconfig ${file} is no mapping, leaving it alone`);
    const edited = edit(config as Raw);
    if (edited !== undefined) await replaceFile(target, dump(edited, { lineWidth: -1 }));
  } finally {
    await rm(lock, { force: true });
  }
}

function parsed(load: (text: string) => unknown, text: string, file: string): unknown {
  try {
    return load(text);
  } catch (err) {
    throw noYaml(file, err);
  }
}

/** The name kubectl uses too, so that the two do not write at the same time. */
async function takeLock(lock: string, clock: Clock, signal: AbortSignal): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      const handle = await open(lock, "wx", 0);
      return await handle.close();
    } catch (err) {
      if ((err as NodeJS.ErrnoException).code !== "EEXIST") throw err;
      if (tries === LOCK_TRIES_MAX)
        throw new Error(`The kubeconfig is locked by ${lock}; remove that file if nobody is writing`, {
          cause: err,
        });
    }
    await clock.sleep(LOCK_DELAY_MS, signal);
  }
}

/** Readers see the old file or the new one, also after a crash. */
async function replaceFile(file: string, text: string): Promise<void> {
  const temporary = `${file}.tmp`;
  const handle = await open(temporary, "w", await modeOf(file));
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, file);
}

async function modeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).mode & 0o777;
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === "ENOENT") return FILE_MODE;
    throw err;
  }
}

async function followLinks(file: string): Promise<string> {
  try {
    return await realpath(file);
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === "ENOENT") return file;
    throw err;
  }
}

async function readIfThere(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw err;
  }
}

function previousContext(config: Raw, name: string): string {
  const context = find(config["contexts"], name)?.["context"] as Raw | undefined;
  const extension = find(context?.["extensions"], EXTENSION)?.["extension"] as Raw | undefined;
  const previous = extension?.["previousContext"];
  return typeof previous === "string" ? previous : "";
}

function entries(list: unknown): Named[] {
  return Array.isArray(list) ? (list as Named[]) : [];
}

function find(list: unknown, name: string): Named | undefined {
  return entries(list).find((entry) => entry.name === name);
}

function without(list: unknown, name: string): Named[] {
  return entries(list).filter((entry) => entry.name !== name);
}

function put(list: unknown, entry: Named): Named[] {
  const all = entries(list);
  const at = all.findIndex(({ name }) => name === entry.name);
  return at < 0 ? [...all, entry] : all.with(at, entry);
}
