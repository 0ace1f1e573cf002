/** A cluster of its own for an e2e test: started by the command a user types, driven by the real kubectl, removed without trace. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { npmBinary } from "#launcher";

const ROOT = join(import.meta.dirname, "../..");

export interface Output {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string;
  /** Ends the program after this; default one minute. */
  readonly timeoutMs?: number;
  /** Besides what every command is given. */
  readonly env?: NodeJS.ProcessEnv;
}

export class TestCluster {
  readonly profile: string;
  readonly home: string;
  readonly kubectlPath: string;
  readonly env: NodeJS.ProcessEnv;
  /** What every command is started with: `nsenter …` for a machine of its own. */
  readonly prefix: readonly string[];

  private constructor(profile: string, home: string, kubectlPath: string, prefix: readonly string[]) {
    this.profile = profile;
    this.prefix = prefix;
    this.home = home;
    this.kubectlPath = kubectlPath;
    this.env = {
      ...process.env,
      K8TS_HOME: home,
      KUBECONFIG: join(home, "kubeconfig"),
      K8TS_PROFILE: profile,
    };
  }

  /** Prepares, does not start. `profile` must be unique among tests that run at the same time. */
  static async prepare(profile: string, prefix: readonly string[] = []): Promise<TestCluster> {
    const home = await mkdtemp(join(tmpdir(), "k8ts-e2e-"));
    const path = process.env["PATH"] ?? "";
    const env = {
      home: join(tmpdir(), "k8ts-e2e-tools"),
      kubeconfig: "",
      isRoot: true,
      installDir: ROOT,
      path,
    };
    return new TestCluster(profile, home, await npmBinary(env, "kubectl"), prefix);
  }

  /** Standard output; fails the test on a non-zero exit. */
  async k8ts(...args: readonly string[]): Promise<string> {
    return ok(`k8ts ${args.join(" ")}`, await this.tryK8ts(args, { timeoutMs: 240_000 }));
  }

  tryK8ts(args: readonly string[], options: RunOptions = {}): Promise<Output> {
    return run([...this.prefix, join(ROOT, "k8ts"), ...args], this.env, options);
  }

  async kubectl(...args: readonly string[]): Promise<string> {
    return ok(`kubectl ${args.join(" ")}`, await this.tryKubectl(args));
  }

  tryKubectl(args: readonly string[], options: RunOptions = {}): Promise<Output> {
    return run([...this.prefix, this.kubectlPath, ...args], this.env, options);
  }

  async apply(manifest: unknown): Promise<string> {
    return ok(
      "kubectl apply",
      await this.tryKubectl(["apply", "-f", "-"], { input: JSON.stringify(manifest) }),
    );
  }

  /** Starts a program that goes on (`logs -f`, `port-forward`); the caller kills it. */
  background(...args: readonly string[]): ReturnType<typeof spawn> {
    const [file, ...rest] = [...this.prefix, this.kubectlPath, ...args];
    return spawn(file!, rest, { env: this.env, stdio: ["ignore", "pipe", "pipe"] });
  }

  /** Deletes the cluster, then proves that nothing of it is left. */
  async destroy(): Promise<void> {
    await this.k8ts("delete");
    const left = this.leaks();
    await rm(this.home, { recursive: true, force: true });
    assert.deepEqual(left, []);
  }

  /** Processes, mounts, interfaces, namespaces, cgroups and files that bear the cluster's name. */
  leaks(): readonly string[] {
    const name = `k8ts-${this.profile}`;
    const found: string[] = [];
    for (const pid of readdirSync("/proc").filter(
      (entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid,
    )) {
      const command = readProc(`/proc/${pid}/cmdline`);
      const isOurs =
        command.includes(join(this.home, "profiles")) || command.includes(`/run/k8ts/${this.profile}`);
      if (isOurs) found.push(`process ${pid}: ${command.replaceAll("\0", " ").slice(0, 120)}`);
    }
    for (const line of readProc("/proc/mounts").split("\n")) {
      if (line.includes(this.home) || line.includes(`/run/k8ts/${this.profile}/`))
        found.push(`mount ${line}`);
    }
    for (const ns of list("/run/netns"))
      if (ns.startsWith(`${name}.`) || ns.startsWith(`${name}-m`)) found.push(`netns ${ns}`);
    for (const dir of [
      "/sys/fs/cgroup",
      ...list("/sys/fs/cgroup").map((entry) => `/sys/fs/cgroup/${entry}`),
    ]) {
      if (existsSync(`${dir}/k8ts/${this.profile}`)) found.push(`cgroup ${dir}/k8ts/${this.profile}`);
    }
    if (existsSync(`/run/k8ts/${this.profile}`)) found.push(`folder /run/k8ts/${this.profile}`);
    if (existsSync(join(this.home, "profiles"))) found.push(`folder ${join(this.home, "profiles")}`);
    return found;
  }
}

/** Asks again until `check` gives a value; the API tells most things by watch, a shell command cannot. */
export async function eventually<T>(
  what: string,
  check: () => Promise<T | undefined>,
  timeoutMs = 30_000,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    try {
      const value = await check();
      if (value !== undefined) return value;
    } catch (err) {
      last = err;
    }
    if (performance.now() > deadline)
      throw new Error(`${what} did not happen in ${timeoutMs} ms`, { cause: last });
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

export function run(
  command: readonly string[],
  env: NodeJS.ProcessEnv,
  options: RunOptions = {},
): Promise<Output> {
  const [file, ...args] = command;
  return new Promise((resolve, reject) => {
    const child = spawn(file!, args, {
      env: { ...env, ...options.env },
      stdio: ["pipe", "pipe", "pipe"],
      timeout: options.timeoutMs ?? 60_000,
    });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.once("error", reject);
    child.once("close", (code) => resolve({ code: code ?? 128, stdout, stderr }));
    child.stdin.on("error", () => {}); // the exit code tells what became of it
    child.stdin.end(options.input ?? "");
  });
}

function ok(what: string, { code, stdout, stderr }: Output): string {
  assert.equal(code, 0, `${what} exited with ${code}: ${stderr}${stdout}`);
  return stdout;
}

function readProc(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // the process has ended meanwhile
  }
}

function list(path: string): readonly string[] {
  return existsSync(path) ? readdirSync(path) : [];
}
