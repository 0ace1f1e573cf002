/** A cluster of its own for an e2e test: started by the command a user types, driven by the real kubectl, removed without trace. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmod, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { npmBinary } from "#launcher";
import { footprintOf, leftovers, type Footprint } from "./leaks.ts";
import { nodeLeftovers } from "./node-leaks.ts";
import { run, type Output, type RunOptions } from "./running.ts";

export { eventually, run, type Output, type RunOptions } from "./running.ts";

const ROOT = join(import.meta.dirname, "../..");
const SAYS_WHY_SECONDS = 30;

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
      TMPDIR: join(home, "tmp"),
    };
  }

  /** Prepares, does not start. `profile` must be unique among tests that run at the same time. */
  static async prepare(profile: string, prefix: readonly string[] = []): Promise<TestCluster> {
    // says whose it is (`e2e`, `con`), and is short: paths of sockets begin with it
    const home = await mkdtemp(join(tmpdir(), `k8ts-${profile.slice(0, 3)}-`));
    await mkdir(join(home, "tmp"));
    await chmod(join(home, "tmp"), 0o1777); // for whoever the test acts as
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
    return run([...this.prefix, this.kubectlPath, ...args], this.env, { ...patience(args), ...options });
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

  /** Deletes what runs, then the cluster, and proves after each that nothing of it is left. */
  async destroy(): Promise<void> {
    const onNodes = await nodeLeftovers(this).catch((err: unknown) => [`not looked at: ${String(err)}`]);
    const footprint = footprintOf(this);
    await this.k8ts("delete");
    const left = [...onNodes, ...(await this.leaks(footprint))];
    await rm(this.home, { recursive: true, force: true });
    assert.deepEqual(left, []);
  }

  /** What is left of a deleted cluster; without what was noted while it lived, what its names tell. */
  leaks(footprint?: Footprint): Promise<readonly string[]> {
    return leftovers(this, footprint);
  }
}

/** A command that waits by itself is let wait, and say why it gave up. */
function patience(args: readonly string[]): RunOptions {
  const [, seconds] = /^--timeout=(\d+)s$/m.exec(args.join("\n")) ?? [];
  return seconds === undefined ? {} : { timeoutMs: (Number(seconds) + SAYS_WHY_SECONDS) * 1_000 };
}

function ok(what: string, { code, stdout, stderr }: Output): string {
  assert.equal(code, 0, `${what} exited with ${code}: ${stderr}${stdout}`);
  return stdout;
}
