/** systemd-logind, asked through its own tools: delays a shutdown of the machine, and tells of it. @module */
import { execFile, spawn } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

/** Holds the shutdown back until it is released, or logind loses patience. */
export interface InhibitLock {
  release(): void;
}

export interface ShutdownInhibitor {
  /** How long logind lets anybody hold it back. */
  delayMaxMs(signal: AbortSignal): Promise<number>;
  /** Asks logind for more; it may take a moment. */
  overrideDelayMax(delayMs: number, signal: AbortSignal): Promise<void>;
  inhibit(signal: AbortSignal): Promise<InhibitLock>;
  /** True: the machine is about to go; false: that was called off. Ends with its connection. */
  events(signal: AbortSignal): AsyncIterable<boolean>;
}

const LOGIND = ["org.freedesktop.login1", "/org/freedesktop/login1", "org.freedesktop.login1.Manager"];
const WHY = "Kubelet needs time to handle node shutdown";
const CONFIG_DIR = "/etc/systemd/logind.conf.d";
const CONFIG_FILE = `${CONFIG_DIR}/99-kubelet.conf`;
const CALL_TIMEOUT_MS = 10_000;
const HELD = "held";
const MATCH = `type='signal',interface='${LOGIND[2]}',member='PrepareForShutdown',path='${LOGIND[1]}'`;
const run = promisify(execFile);

export function logindInhibitor(): ShutdownInhibitor {
  return { delayMaxMs, overrideDelayMax, inhibit, events };
}

async function delayMaxMs(signal: AbortSignal): Promise<number> {
  const text = await busctl(["get-property", ...LOGIND, "InhibitDelayMaxUSec"], signal).catch(
    (cause: unknown) => {
      const message = `failed reading InhibitDelayMaxUSec property from logind: ${(cause as Error).message.trim()}`;
      throw new Error(message, { cause });
    },
  );
  const microseconds = /^t (\d+)/u.exec(text)?.[1];
  if (microseconds === undefined)
    throw new Error("InhibitDelayMaxUSec from logind is not a uint64 as expected");
  return Number(microseconds) / 1000;
}

async function overrideDelayMax(delayMs: number, signal: AbortSignal): Promise<void> {
  await mkdir(CONFIG_DIR, { recursive: true, mode: 0o755 });
  const text = `# Kubelet logind override\n[Login]\nInhibitDelayMaxSec=${Math.ceil(delayMs / 1000)}\n`;
  await writeFile(CONFIG_FILE, text, { mode: 0o644 });
  const manager = "org.freedesktop.systemd1.Manager";
  const target = ["org.freedesktop.systemd1", "/org/freedesktop/systemd1", manager];
  const call = ["KillUnit", "ssi", "systemd-logind.service", "all", "1"];
  await busctl(["call", ...target, ...call], signal);
}

/** A child holds the lock for as long as its input is open: it is given back even when the kubelet dies. */
function inhibit(signal: AbortSignal): Promise<InhibitLock> {
  const lock = ["--what=shutdown", "--who=kubelet", `--why=${WHY}`, "--mode=delay"];
  const child = spawn("systemd-inhibit", [...lock, "sh", "-c", `echo ${HELD}; cat`], {
    stdio: ["pipe", "pipe", "pipe"],
    signal,
  });
  return new Promise((resolve, reject) => {
    let errors = "";
    child.stderr.on("data", (bytes: Buffer) => (errors = `${errors}${bytes.toString()}`.slice(-1000)));
    // An abort ends the child; who waited for the lock is told, nobody else has to be.
    child.on("error", (cause) => reject(failedInhibitor(cause.message, cause)));
    child.once("close", () => reject(failedInhibitor(errors.trim())));
    child.stdout.once("data", () => resolve({ release: () => child.stdin.end() }));
  });
}

function failedInhibitor(why: string, cause?: unknown): Error {
  return new Error(`failed creating systemd inhibitor: ${why}`, { cause });
}

async function* events(signal: AbortSignal): AsyncGenerator<boolean> {
  const child = spawn("busctl", ["--system", "monitor", "--json=short", `--match=${MATCH}`], {
    stdio: ["ignore", "pipe", "ignore"],
    signal,
  });
  const failed = new Promise<never>((_, reject) => child.once("error", reject));
  // Awaited below; until then a failure is not one that nobody handles.
  failed.catch(() => {});
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      const active = shutdownSignal(line);
      if (active !== undefined) yield active;
    }
    if (child.exitCode === null && child.pid === undefined) await failed;
  } finally {
    child.kill();
  }
}

/** Undefined: the line tells of something else. */
export function shutdownSignal(line: string): boolean | undefined {
  let message: { readonly member?: unknown; readonly payload?: { readonly data?: readonly unknown[] } };
  try {
    message = JSON.parse(line) as typeof message;
  } catch {
    return undefined;
  }
  const active = message.payload?.data?.[0];
  return message.member === "PrepareForShutdown" && typeof active === "boolean" ? active : undefined;
}

async function busctl(args: readonly string[], signal: AbortSignal): Promise<string> {
  const { stdout } = await run("busctl", ["--system", ...args], { signal, timeout: CALL_TIMEOUT_MS });
  return stdout;
}
