/** Registers the plugins that show a socket in kubelet's registry folder, each with the handler of its type. @module */
import { type Clock, type Logger, pause, untilAborted } from "#apimachinery";
import { describeError } from "../container/describe-error.ts";
import { registrationClient, type PluginInfo } from "./registration.ts";
import { watchPlugins } from "./plugin-watcher.ts";

export interface Plugin extends PluginInfo {
  /** The socket that it registered itself by; another one of the same plugin may follow. */
  readonly socketPath: string;
}

/** What is done with plugins of one type. */
export interface PluginHandler {
  /** Throws when the plugin cannot be used; is told to the plugin. */
  register(plugin: Plugin, signal: AbortSignal): Promise<void>;
  /** Its socket is gone. */
  deregister(plugin: Plugin, signal: AbortSignal): Promise<void>;
}

export interface PluginManagerOptions {
  /** As /var/lib/kubelet/plugins_registry. */
  readonly dir: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** By type of plugin. */
  readonly handlers: ReadonlyMap<string, PluginHandler>;
}

interface Entry {
  readonly stop: AbortController;
  /** Changes when the socket is made anew. */
  readonly identity: string;
  readonly done: Promise<void>;
}

/** As upstream's exponential back-off of operations. */
const RETRY_MIN_MS = 500;
const RETRY_MAX_MS = 122_000;

/** Resolves when `signal` aborts; plugins stay registered then, for their volumes stay mounted too. */
export async function runPluginManager(options: PluginManagerOptions, signal: AbortSignal): Promise<void> {
  const entries = new Map<string, Entry>();
  const { dir, clock, logger } = options;
  const onSockets = (sockets: ReadonlyMap<string, string>): void => {
    for (const [path, entry] of entries) {
      if (sockets.get(path) === entry.identity) continue;
      entry.stop.abort(new Error("the plugin's socket is gone"));
      entries.delete(path);
    }
    for (const [path, identity] of sockets) {
      if (entries.has(path)) continue;
      const stop = new AbortController();
      const done = keepRegistered(options, path, stop.signal, signal);
      entries.set(path, { stop, identity, done });
    }
  };
  await watchPlugins({ dir, clock, logger, onSockets }, signal);
  await Promise.all([...entries.values()].map(({ done }) => done));
}

/** Registers until it succeeds, and takes it back when `gone` aborts. Never rejects. */
async function keepRegistered(
  options: PluginManagerOptions,
  socketPath: string,
  gone: AbortSignal,
  signal: AbortSignal,
): Promise<void> {
  const { clock, logger } = options;
  const ended = AbortSignal.any([gone, signal]);
  for (let delayMs = RETRY_MIN_MS; !ended.aborted; delayMs = Math.min(delayMs * 2, RETRY_MAX_MS)) {
    let plugin: Plugin | undefined;
    try {
      await register(options, socketPath, (registered) => (plugin = registered), ended);
      logger.info("Registered a plugin", { socketPath });
      await untilAborted(ended);
    } catch (err) {
      if (!ended.aborted) logger.warn("RegisterPlugin error", { socketPath, reason: describeError(err) });
    }
    if (plugin !== undefined && !signal.aborted) await takeBack(options, plugin, signal);
    if (!ended.aborted) await pause(clock, delayMs, ended);
  }
}

async function takeBack(
  { logger, handlers }: PluginManagerOptions,
  plugin: Plugin,
  signal: AbortSignal,
): Promise<void> {
  const { type, name, socketPath } = plugin;
  try {
    await handlers.get(type)?.deregister(plugin, signal);
    logger.info("A plugin is gone", { type, name, socketPath });
  } catch (err) {
    if (!signal.aborted)
      logger.warn("Taking back a plugin failed", { type, name, reason: describeError(err) });
  }
}

/** `onHandled` is told of the plugin as soon as its handler has taken it, whatever becomes of the rest. */
async function register(
  { clock, handlers }: PluginManagerOptions,
  socketPath: string,
  onHandled: (plugin: Plugin) => void,
  signal: AbortSignal,
): Promise<void> {
  const client = registrationClient(socketPath, clock);
  try {
    const info = await client.info(signal);
    const plugin = { ...info, endpoint: info.endpoint === "" ? socketPath : info.endpoint, socketPath };
    const handler = handlers.get(info.type);
    if (handler === undefined) {
      const message = `RegisterPlugin error -- no handler registered for plugin type: ${info.type} at socket ${socketPath}`;
      await client.notify(message, signal);
      throw new Error(message);
    }
    try {
      await handler.register(plugin, signal);
      onHandled(plugin);
    } catch (err) {
      const message = `RegisterPlugin error -- plugin registration failed with err: ${describeError(err)}`;
      await client.notify(message, signal);
      throw new Error(message, { cause: err });
    }
    await client.notify("", signal);
  } finally {
    client.close();
  }
}
