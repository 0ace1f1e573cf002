/** Starts a node's containerd, or finds the one that still runs, and stops it. Containers outlive it. @module */
import { spawn } from "node:child_process";
import { mkdir, open, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock, Logger } from "#apimachinery";
import { commandLine, isAlive, signalProcess } from "#component-base";
import { isRuntimeUnavailable, isRuntimeUnimplemented, runtimeErrorCode } from "../errors.ts";
import { createContainerdRuntime } from "./containerd-runtime.ts";
import {
  daemonCommand,
  daemonConfig,
  daemonPaths,
  type DaemonOptions,
  type DaemonPaths,
} from "./daemon-config.ts";
import { detectMachine, requirePrograms } from "./machine.ts";

const START_TIMEOUT_MS = 30_000;
const START_STEP_MS = 20;
const STOP_TIMEOUT_MS = 10_000;
const STOP_STEP_MS = 20;
/** Enough of a log to hold the reason why a start failed. */
const LOG_TAIL_BYTES = 2_000;

export interface DaemonEnvironment {
  readonly clock: Clock;
  readonly logger: Logger;
  /** PATH of the programs. */
  readonly path?: string | undefined;
}

export interface ContainerdHandle {
  readonly pid: number;
  readonly socketPath: string;
  /** It was running already. */
  readonly adopted: boolean;
  isRunning(): Promise<boolean>;
  /** TERM, then KILL; resolves when it is gone. Containers go on. */
  stop(signal: AbortSignal): Promise<void>;
}

export interface PreparedContainerd extends DaemonPaths {
  readonly argv: readonly string[];
}

/** Checks the programs, makes the folders, writes the configuration: what a supervisor needs to start it. */
export async function prepareContainerd(
  options: DaemonOptions,
  path: string | undefined,
): Promise<PreparedContainerd> {
  const paths = daemonPaths(options);
  await requirePrograms(path, options.cniBinDir);
  for (const folder of [options.rootDir, options.stateDir, options.cniConfDir])
    await mkdir(folder, { recursive: true, mode: 0o711 });
  if (options.registryConfigDir !== undefined) await mkdir(options.registryConfigDir, { recursive: true });
  await writeFile(paths.config, daemonConfig(options, await detectMachine(options)));
  return { ...paths, argv: daemonCommand(options) };
}

/** Resolves when CRI answers. Rejects with the end of containerd's log when it does not come up. */
export async function startContainerd(
  options: DaemonOptions,
  environment: DaemonEnvironment,
  signal: AbortSignal,
): Promise<ContainerdHandle> {
  const paths = daemonPaths(options);
  const running = await findRunning(paths);
  if (running !== undefined) {
    await waitUntilReady(paths, running, environment, signal);
    return handle(running, paths, true, environment.clock);
  }
  const prepared = await prepareContainerd(options, environment.path);
  // A socket left by a killed containerd would make connections fail more slowly than none.
  await rm(paths.socket, { force: true });
  const pid = await launch(prepared, options, environment.path);
  await writeFile(paths.pid, `${pid}\n`);
  try {
    await waitUntilReady(paths, pid, environment, signal);
  } catch (err) {
    await handle(pid, paths, false, environment.clock).stop(new AbortController().signal);
    throw err;
  }
  return handle(pid, paths, false, environment.clock);
}

/** The containerd of this state folder, when one runs. */
async function findRunning(paths: DaemonPaths): Promise<number | undefined> {
  const text = await readFile(paths.pid, "utf8").catch(() => "");
  const pid = Number.parseInt(text, 10);
  return pid > 1 && (await isOurs(pid, paths)) ? pid : undefined;
}

/** Pids are used again: only the configuration in the command line tells that it is this containerd. */
async function isOurs(pid: number, paths: DaemonPaths): Promise<boolean> {
  return (await commandLine(pid))?.includes(paths.config) ?? false;
}

async function launch(
  { argv, log }: PreparedContainerd,
  options: DaemonOptions,
  path: string | undefined,
): Promise<number> {
  const output = await open(log, "a");
  try {
    const [command = "", ...args] = argv;
    // Its own session: it must outlive whoever started it, and no terminal's Ctrl-C may reach it.
    const child = spawn(command, args, {
      detached: true,
      stdio: ["ignore", output.fd, output.fd],
      cwd: options.stateDir,
      // containerd's restart of itself under systemd is none of ours.
      env: { PATH: path ?? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" },
    });
    await new Promise<void>((resolve, reject) => {
      child.once("spawn", resolve);
      child.once("error", (cause) => reject(new Error(`Cannot start ${command}`, { cause })));
    });
    child.unref();
    return child.pid!;
  } finally {
    await output.close();
  }
}

async function waitUntilReady(
  paths: DaemonPaths,
  pid: number,
  { clock, logger }: DaemonEnvironment,
  signal: AbortSignal,
): Promise<void> {
  const runtime = createContainerdRuntime({ socketPath: paths.socket, clock, logger });
  const deadline = clock.monotonicMs() + START_TIMEOUT_MS;
  try {
    for (;;) {
      try {
        await runtime.version(signal);
        return;
      } catch (err) {
        signal.throwIfAborted();
        if (isRuntimeUnimplemented(err))
          throw new Error(`The CRI plugin of containerd did not load${await tail(paths)}`, { cause: err });
        // Unknown: its CRI plugin says so while it looks through what it had.
        if (!isRuntimeUnavailable(err) && runtimeErrorCode(err) !== "Unknown") throw err;
        if (!(await isAlive(pid)))
          throw new Error(`containerd ended while it started${await tail(paths)}`, { cause: err });
        if (clock.monotonicMs() > deadline)
          throw new Error(`containerd did not answer in ${START_TIMEOUT_MS} ms${await tail(paths)}`, {
            cause: err,
          });
        await clock.sleep(START_STEP_MS, signal);
      }
    }
  } finally {
    await runtime.close();
  }
}

async function tail({ log }: DaemonPaths): Promise<string> {
  const text = await readFile(log, "utf8").catch(() => "");
  return text === "" ? "" : `; its log ends with:\n${text.slice(-LOG_TAIL_BYTES)}`;
}

function handle(pid: number, paths: DaemonPaths, adopted: boolean, clock: Clock): ContainerdHandle {
  const isRunning = (): Promise<boolean> => isOurs(pid, paths);
  return {
    pid,
    socketPath: paths.socket,
    adopted,
    isRunning,
    async stop(signal) {
      if (await isRunning()) signalProcess(pid, "SIGTERM");
      const killAt = clock.monotonicMs() + STOP_TIMEOUT_MS;
      while (await isRunning()) {
        if (clock.monotonicMs() > killAt) signalProcess(pid, "SIGKILL");
        await clock.sleep(STOP_STEP_MS, signal);
      }
      await rm(paths.pid, { force: true });
    },
  };
}

/** Where the pods' network namespaces are mounted; empty folders stay behind. */
export function netnsDir({ stateDir }: Pick<DaemonOptions, "stateDir">): string {
  return join(stateDir, "containerd", "io.containerd.grpc.v1.cri", "netns");
}
