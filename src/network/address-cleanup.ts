/** Gives back the addresses of sandboxes that died without saying so, as when the machine or the runtime is killed. @module */
import { readdir, readFile, stat, unlink } from "node:fs/promises";
import { isIP } from "node:net";
import { join } from "node:path";
import { type Clock, type Logger, pause } from "#apimachinery";
import { NETWORK_NAME } from "./cni-config.ts";

export interface AddressCleanupOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly cniDataDir: string;
  /** Ids of all sandboxes that the runtime knows. */
  readonly sandboxes: (signal: AbortSignal) => Promise<ReadonlySet<string>>;
}

const PERIOD_MS = 300_000;
/** A sandbox has its address before the runtime lists it; no start takes longer than this. */
const AGE_MIN_MS = 300_000;

/** Resolves when `signal` aborts. */
export async function cleanAddresses(options: AddressCleanupOptions, signal: AbortSignal): Promise<void> {
  const { clock, logger } = options;
  while (!signal.aborted) {
    try {
      const released = await releaseDeadAddresses(options, signal);
      if (released.length > 0) logger.info("addresses of dead sandboxes given back", { released });
    } catch (err) {
      if (!signal.aborted) logger.warn("could not look for addresses of dead sandboxes", { err });
    }
    await pause(clock, PERIOD_MS, signal);
  }
}

/** The addresses. host-local keeps a file for each, named as it, that begins with the id of its sandbox. */
export async function releaseDeadAddresses(
  { clock, cniDataDir, sandboxes }: AddressCleanupOptions,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const folder = join(cniDataDir, NETWORK_NAME);
  const held: { readonly ip: string; readonly sandbox: string }[] = [];
  for (const ip of (await listFolder(folder)).filter((name) => isIP(name) !== 0)) {
    const sandbox = await holderOf(join(folder, ip), clock.now() - AGE_MIN_MS);
    if (sandbox !== undefined) held.push({ ip, sandbox });
  }
  if (held.length === 0) return [];
  const alive = await sandboxes(signal); // after the files were read: what came meanwhile is not among them
  const released: string[] = [];
  for (const { ip, sandbox } of held) {
    const file = join(folder, ip);
    if (alive.has(sandbox) || (await holderOf(file, Infinity)) !== sandbox) continue;
    await unlink(file);
    released.push(ip);
  }
  return released;
}

/** undefined: nobody's any more, or held since after `beforeMs`. */
async function holderOf(file: string, beforeMs: number): Promise<string | undefined> {
  try {
    if ((await stat(file)).mtimeMs > beforeMs) return undefined;
    const [sandbox = ""] = (await readFile(file, "utf8")).split(/\r?\n/, 1);
    return sandbox.trim() === "" ? undefined : sandbox.trim();
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw err;
  }
}

async function listFolder(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw err;
  }
}
