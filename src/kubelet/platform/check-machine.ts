/** What a configuration demands of the machine before a node runs on it; messages are upstream's. @module */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

export interface MachineDemands {
  readonly failSwapOn?: boolean;
  readonly protectKernelDefaults?: boolean;
  /** Of this process. */
  readonly oomScoreAdj?: number;
}

const KERNEL_DEFAULTS = {
  "vm/overcommit_memory": 1,
  "vm/panic_on_oom": 0,
  "kernel/panic": 10,
  "kernel/panic_on_oops": 1,
  "kernel/keys/root_maxkeys": 1_000_000,
  "kernel/keys/root_maxbytes": 25_000_000,
} as const;

/** Rejects when the machine is not what is demanded. `proc` is where the kernel tells of itself. */
export async function checkMachine(demands: MachineDemands, proc = "/proc"): Promise<void> {
  const { failSwapOn = false, protectKernelDefaults = false, oomScoreAdj } = demands;
  if (failSwapOn && (await isSwapOn(proc))) {
    const how = "please disable swap or set --fail-swap-on flag to false";
    throw new Error(`running with swap on is not supported, ${how}`);
  }
  if (protectKernelDefaults) await checkKernelDefaults(proc);
  if (oomScoreAdj !== undefined) await writeFile(join(proc, "self/oom_score_adj"), String(oomScoreAdj));
}

async function checkKernelDefaults(proc: string): Promise<void> {
  const errors: string[] = [];
  for (const [name, expected] of Object.entries(KERNEL_DEFAULTS)) {
    const actual = Number((await readFile(join(proc, "sys", name), "utf8")).trim());
    if (actual !== expected)
      errors.push(`invalid kernel flag: ${name}, expected value: ${expected}, actual value: ${actual}`);
  }
  if (errors.length > 0) throw new Error(errors.length === 1 ? errors[0] : `[${errors.join(", ")}]`);
}

/** The first line is a heading. */
async function isSwapOn(proc: string): Promise<boolean> {
  try {
    return (await readFile(join(proc, "swaps"), "utf8")).trim().split("\n").length > 1;
  } catch (err) {
    // A kernel without swap.
    if ((err as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw err;
  }
}
