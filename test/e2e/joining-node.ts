/** A machine of its own, beside the nodes that the launcher makes: a network namespace on the cluster's bridge with a containerd and an agent. */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { systemClock } from "#apimachinery";
import { drivers } from "../../src/launcher/drivers/index.ts";
import { addressesOf } from "../../src/launcher/new-profile.ts";
import { cleanNodeRuntime, prepareNodeRuntime } from "../../src/launcher/node-runtime.ts";
import { profilePaths, type LauncherEnv, type NodePaths } from "../../src/launcher/paths.ts";
import type { NodeSpec, Profile } from "../../src/launcher/profile.ts";
import { cgroupRoot, containerdSocket } from "../../src/launcher/programs.ts";
import { run, type Output, type TestCluster } from "./harness.ts";

const ROOT = join(import.meta.dirname, "../..");
const KUBELET_PORT = 10_250;
/** Far from those that the launcher gives. */
const FIRST_INDEX = 40;

export class JoiningNode {
  readonly name: string;
  readonly ip: string;
  readonly certDir: string;
  readonly cniConfDir: string;
  readonly #env: LauncherEnv;
  readonly #profile: Profile;
  readonly #node: NodeSpec;
  readonly #paths: NodePaths;
  readonly #children: ChildProcess[] = [];
  #agent: ChildProcess | undefined;
  #agentLog = "";

  private constructor(env: LauncherEnv, profile: Profile, index: number) {
    this.#env = env;
    this.#profile = profile;
    this.name = `k8ts-${profile.name}-j${index}`;
    const ips = addressesOf(profile, FIRST_INDEX + index);
    this.ip = ips[0]!;
    this.#node = { name: this.name, ip: this.ip, ips, role: "worker", kubeletPort: KUBELET_PORT };
    this.#paths = profilePaths(env, profile.name).node(this.name);
    this.certDir = join(this.#paths.dir, "pki");
    this.cniConfDir = this.#paths.cniConf;
  }

  /** Up to and with containerd. */
  static async up(cluster: TestCluster, index: number): Promise<JoiningNode> {
    const { home, env } = cluster;
    const text = await readFile(join(home, "profiles", cluster.profile, "profile.json"), "utf8");
    const path = env["PATH"] ?? "";
    const launcher = {
      home,
      kubeconfig: env["KUBECONFIG"] ?? "",
      isRoot: true,
      installDir: ROOT,
      path,
    };
    // what the launcher gives to nodes of its own, whoever administers this machine does himself
    const { podNetwork: _, ...profile } = JSON.parse(text) as Profile;
    const node = new JoiningNode(launcher, profile, index);
    await node.#up();
    return node;
  }

  async #up(): Promise<void> {
    const { dir, kubelet, podLogs, manifests, cniConf, run: runDir } = this.#paths;
    for (const path of [dir, kubelet, podLogs, manifests, cniConf, runDir])
      await mkdir(path, { recursive: true });
    await drivers.netns.nodeUp(this.#profile, this.#node, new AbortController().signal);
    const command = await prepareNodeRuntime(this.#env, this.#profile, this.#node);
    this.#spawn(this.#onNode(command));
  }

  /** What an administrator would type on the machine, with its folders. */
  agentCommand(...flags: readonly string[]): readonly [string, ...string[]] {
    const { kubelet, podLogs, manifests, cniConf, cniData } = this.#paths;
    return this.#onNode([
      join(ROOT, "node_modules/.bin/node"),
      join(ROOT, "src/cmd/k8ts.ts"),
      "agent",
      `--node-name=${this.name}`,
      `--cert-dir=${this.certDir}`,
      `--root-dir=${kubelet}`,
      `--pod-logs-dir=${podLogs}`,
      `--pod-manifest-path=${manifests}`,
      `--container-runtime-endpoint=${containerdSocket(this.#env, this.#profile, this.#node)}`,
      `--cgroup-root=${cgroupRoot(this.#profile, this.#node)}`,
      `--cni-conf-dir=${cniConf}`,
      `--cni-data-dir=${cniData}`,
      "--eviction-hard=nodefs.available<0%,nodefs.inodesFree<0%",
      ...flags,
    ]);
  }

  /** Until it ends, which it should soon. */
  tryAgent(...flags: readonly string[]): Promise<Output> {
    return run(this.agentCommand(...flags), process.env, { timeoutMs: 60_000 });
  }

  /** In the background, until `stopAgent`. */
  startAgent(...flags: readonly string[]): void {
    this.#agent = this.#spawn(this.agentCommand(...flags));
    const keep = (text: string): void => void (this.#agentLog = (this.#agentLog + text).slice(-20_000));
    this.#agent.stdout?.setEncoding("utf8").on("data", keep);
    this.#agent.stderr?.setEncoding("utf8").on("data", keep);
  }

  async stopAgent(): Promise<void> {
    if (this.#agent !== undefined) await ended(this.#agent);
    this.#agent = undefined;
  }

  /** Of the agent, its last lines. */
  get log(): string {
    return this.#agentLog;
  }

  /** A program on that machine. */
  run(...command: readonly [string, ...string[]]): Promise<Output> {
    return run(this.#onNode(command), process.env);
  }

  /** From another node's runtime into this one's. */
  async takeImage(from: string, image: string): Promise<void> {
    const file = join(this.#paths.dir, "image.tar");
    for (const [node, ...args] of [
      [from, "export", file, image],
      [this.name, "import", file],
    ] as const) {
      const socket = `/run/k8ts/${this.#profile.name}/${node}/containerd.sock`;
      const { code, stderr } = await this.run("ctr", "--address", socket, "-n", "k8s.io", "images", ...args);
      if (code !== 0)
        throw new Error(`ctr images ${args.join(" ")} on ${node} exited with ${code}: ${stderr}`);
    }
    await rm(file);
  }

  async down(): Promise<void> {
    await this.stopAgent();
    for (const child of this.#children) await ended(child);
    const { signal } = new AbortController();
    await cleanNodeRuntime(this.#env, this.#profile, this.#node, "delete", systemClock, signal);
    await drivers.netns.nodeDown(this.#profile, this.#node, signal);
    await rm(this.#paths.dir, { recursive: true, force: true });
    await rm(this.#paths.run, { recursive: true, force: true });
  }

  #onNode(command: readonly [string, ...string[]]): readonly [string, ...string[]] {
    return drivers.netns.onNode(this.#profile, this.#node, command);
  }

  #spawn([file, ...args]: readonly [string, ...string[]]): ChildProcess {
    const child = spawn(file, args, { stdio: ["ignore", "pipe", "pipe"] });
    // nobody may wait for room in the pipe
    child.stdout.resume();
    child.stderr.resume();
    this.#children.push(child);
    return child;
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), 15_000);
  await exit;
  clearTimeout(timer);
}
