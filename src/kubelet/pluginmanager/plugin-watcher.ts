/** Finds the registration sockets below a folder, and tells when one comes, is made anew, or goes. @module */
import { type FSWatcher, watch } from "node:fs";
import { mkdir, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { type Clock, type Logger, pause, WakeablePause } from "#apimachinery";

export interface PluginWatcherOptions {
  readonly dir: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** All sockets that are there now: path -> what changes when it is made anew. */
  readonly onSockets: (sockets: ReadonlyMap<string, string>) => void;
}

/** The folder is read again after this, should the system have told of nothing. */
const CHECK_PERIOD_MS = 10_000;
/** A plugin binds its socket and only then listens. */
const SETTLE_MS = 50;
const SOCKETS_MAX = 1000;
const DEPTH_MAX = 4;

/** Runs until `signal` aborts. */
export async function watchPlugins(options: PluginWatcherOptions, signal: AbortSignal): Promise<void> {
  const { dir, clock, logger, onSockets } = options;
  const rest = new WakeablePause(clock);
  const watchers = new Map<string, FSWatcher>();
  await mkdir(dir, { recursive: true, mode: 0o750 });
  while (!signal.aborted) {
    try {
      const found: Found = { sockets: new Map(), folders: [] };
      await look(dir, found, 0);
      follow(found.folders, watchers, () => rest.wake());
      onSockets(found.sockets);
    } catch (err) {
      logger.warn("Looking for plugins failed", { dir, err });
    }
    await rest.wait(CHECK_PERIOD_MS, signal);
    if (!signal.aborted) await pause(clock, SETTLE_MS, signal);
  }
  for (const watcher of watchers.values()) watcher.close();
}

interface Found {
  readonly sockets: Map<string, string>;
  readonly folders: string[];
}

async function look(dir: string, found: Found, depth: number): Promise<void> {
  found.folders.push(dir);
  for (const entry of await readdir(dir, { withFileTypes: true })) {
    if (entry.name.startsWith(".")) continue;
    const path = join(dir, entry.name);
    if (entry.isDirectory() && depth < DEPTH_MAX) await look(path, found, depth + 1);
    else if (entry.isSocket() && found.sockets.size < SOCKETS_MAX) {
      const info = await stat(path).catch(() => undefined);
      if (info !== undefined) found.sockets.set(path, `${info.ino}-${info.ctimeMs}`);
    }
  }
}

/** Folders may come and go: each has a watcher of its own. */
function follow(folders: readonly string[], watchers: Map<string, FSWatcher>, onChange: () => void): void {
  for (const [folder, watcher] of watchers) {
    if (folders.includes(folder)) continue;
    watcher.close();
    watchers.delete(folder);
  }
  for (const folder of folders) {
    if (watchers.has(folder)) continue;
    const watcher = watch(folder, onChange);
    // What cannot be watched is found by the next look.
    watcher.on("error", () => watchers.delete(folder));
    watchers.set(folder, watcher);
  }
}
