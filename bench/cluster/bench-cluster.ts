/** A cluster with real containers, started by the command that users type, in a home of its own, and removed without trace. @module */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { newClient, type Client } from "#client";
import { clientConfigOf, loadKubeconfig, newHttpTransport } from "#client/node";
import { pidFile } from "../../src/launcher/program-state.ts";
import { cpuSeconds, processesOf } from "./processes.ts";

const ROOT = join(import.meta.dirname, "../..");
const PROFILE = "bench";
/** Beyond this a start is broken, not slow. */
const START_TIMEOUT_SECONDS = 120;

export interface BenchCluster extends AsyncDisposable {
  readonly client: Client;
  readonly home: string;
  /** When `k8ts start` was typed, on the clock of `performance.now()`. */
  readonly startedAt: number;
  /** From there to the end of the steps "Control plane" (the API answers) and "Nodes Ready". */
  readonly apiMs: number;
  readonly nodeReadyMs: number;
  /** Processor time of its own processes up to then, the launcher not counted: it hardly depends on what else the machine does. */
  readonly cpuSeconds: number;
  /** Address of its only node. */
  readonly nodeIP: string;
  /** Runs another of the launcher's commands. */
  readonly k8ts: (...args: readonly string[]) => Promise<void>;
}

interface Step {
  readonly name?: string;
  readonly status?: string;
  readonly detail?: string;
}

/** `flags`: more of `k8ts start`. */
export async function startBenchCluster(...flags: readonly string[]): Promise<BenchCluster> {
  const home = await mkdtemp(join(tmpdir(), "k8ts-bench-"));
  const env = {
    ...process.env,
    K8TS_HOME: home,
    KUBECONFIG: join(home, "kubeconfig"),
    K8TS_PROFILE: PROFILE,
  };
  const k8ts = (...args: readonly string[]): Promise<void> => run(args, env, () => {});
  const stop = async (): Promise<void> => {
    // a start that failed has removed itself
    if (existsSync(join(home, "profiles", PROFILE))) await k8ts("delete");
    await rm(home, { recursive: true, force: true });
  };
  const doneAt = new Map<string, number>();
  let server = "";
  const startedAt = performance.now();
  try {
    const start = ["start", "-o", "json", `--wait-timeout=${START_TIMEOUT_SECONDS}`, ...flags];
    await run(start, env, (line) => {
      const { name = "", status, detail = "" } = JSON.parse(line) as Step;
      if (status !== "done") return;
      doneAt.set(name.split(":")[0]!, performance.now() - startedAt);
      if (detail.startsWith("https:")) server = detail;
    });
    const apiMs = doneAt.get("Control plane");
    const nodeReadyMs = doneAt.get("Nodes Ready");
    if (apiMs === undefined || nodeReadyMs === undefined) throw new Error("k8ts start told of no such steps");
    const used = cpuSeconds(clusterProcesses(home));
    const kubeconfig = await loadKubeconfig({ explicitPath: env.KUBECONFIG, env, homeDir: home });
    const transport = newHttpTransport(clientConfigOf(kubeconfig, env));
    return {
      client: newClient(transport, { userAgent: "k8ts-bench" }),
      home,
      startedAt,
      apiMs,
      nodeReadyMs,
      cpuSeconds: used,
      nodeIP: new URL(server).hostname,
      k8ts,
      [Symbol.asyncDispose]: async () => {
        await transport.close();
        await stop();
      },
    };
  } catch (err) {
    await stop();
    throw err;
  }
}

const NODE = `k8ts-${PROFILE}`;

/** The process of the node's kubelet, proxy, network and DNS. */
export function agentProcess(home: string): number {
  return Number(
    readFileSync(pidFile(join(home, "profiles", PROFILE, "pids"), `${NODE}.agent.child`), "utf8"),
  );
}

/** Kubelet's own folder. */
export function kubeletFolder(home: string): string {
  return join(home, "profiles", PROFILE, "nodes", NODE, "kubelet");
}

export function clusterProcesses(home: string): readonly number[] {
  return processesOf([join(home, "profiles"), `/run/k8ts/${PROFILE}/`]);
}

async function run(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  onLine: (line: string) => void,
): Promise<void> {
  const child = spawn(join(ROOT, "k8ts"), args, { env, stdio: ["ignore", "pipe", "pipe"] });
  const closed = once(child, "close");
  const problems: string[] = [];
  createInterface(child.stderr).on("line", (line) => problems.push(line));
  for await (const line of createInterface(child.stdout)) onLine(line);
  const [code] = await closed;
  if (code !== 0)
    throw new Error(`k8ts ${args.join(" ")} exited with ${String(code)}: ${problems.join("\n")}`);
}
