/** Starts that cannot succeed: one clear line, an exit code that tells the reason, and nothing half-made left behind. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { chown, mkdtemp, rm } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, suite, test } from "node:test";
import { run, type Output } from "./harness.ts";

const K8TS = join(import.meta.dirname, "../../k8ts");
const PROFILE = "e2estart";
const NOBODY = 65_534;
const isRoot = process.geteuid?.() === 0;
const needsRoot = isRoot ? false : "needs root to act as somebody else, or to mount";

suite("starts that fail", () => {
  let home = "";

  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), "k8ts-e2e-start-"));
  });
  afterEach(async () => {
    const left = leaks();
    await rm(home, { recursive: true, force: true });
    assert.deepEqual(left, []);
  });

  test("a port in use is named, with another one to try", async () => {
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen({ host: "127.0.0.1", port: 0 }, resolve));
    const { port } = holder.address() as AddressInfo;
    try {
      const output = await start(["--driver=simulated", `--apiserver-port=${port}`]);
      assert.equal(output.code, 69);
      assertOneProblem(output, `port ${port} of 127.0.0.1 cannot be used by the API server`, "PORT_IN_USE");
      assertTry(output, `k8ts start --apiserver-port=${port + 1}, or stop what listens there`);
    } finally {
      holder.close();
    }
  });

  test(
    "without root a real cluster is refused, and the simulated one is named",
    { skip: needsRoot },
    async () => {
      await chown(home, NOBODY, NOBODY);
      const output = await start([], { as: NOBODY });
      assert.equal(output.code, 77);
      assertOneProblem(output, "the netns driver needs root", "ROOT_REQUIRED");
      assertTry(output, "sudo k8ts start, or k8ts start --driver=simulated");
    },
  );

  test("missing programs are named with their packages", { skip: needsRoot }, async () => {
    const bin = join(home, "bin");
    mkdirSync(bin);
    for (const program of ["dirname", "readlink"]) symlinkSync(`/usr/bin/${program}`, join(bin, program));
    const output = await start([], { env: { PATH: bin } });
    assert.equal(output.code, 69);
    for (const name of ["iproute2", "nftables", "containerd", "runc"])
      assert.ok(output.stderr.includes(name));
    assertOneProblem(output, "they cannot be installed here, because apt-get is missing", "PACKAGE_MISSING");
    assertTry(output, "apt-get install -y --no-install-recommends iproute2 nftables");
  });

  test("a package that cannot be installed ends the start", { skip: needsRoot }, async () => {
    const bin = join(home, "bin");
    mkdirSync(bin);
    for (const program of ["dirname", "readlink"]) symlinkSync(`/usr/bin/${program}`, join(bin, program));
    writeFileSync(join(bin, "apt-get"), "#!/bin/sh\necho 'E: no such mirror' >&2\nexit 100\n");
    chmodSync(join(bin, "apt-get"), 0o755);
    const output = await start([], { env: { PATH: bin } });
    assert.equal(output.code, 69);
    assertOneProblem(output, "E: no such mirror", "PACKAGE_MISSING");
  });

  test("a disk with too little room is refused before anything is made", { skip: needsRoot }, async () => {
    const disk = join(home, "disk");
    mkdirSync(disk);
    const mounted = await run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", disk], process.env);
    assert.equal(mounted.code, 0, mounted.stderr);
    try {
      const output = await start(["--driver=simulated"], { env: { K8TS_HOME: join(disk, "k8ts") } });
      assert.equal(output.code, 74);
      assertOneProblem(output, "MiB free, 500 MiB are needed", "DISK_FULL");
      assert.deepEqual(filesIn(disk), []);
    } finally {
      await run(["umount", disk], process.env);
    }
  });

  test("a home that cannot be written is refused", { skip: needsRoot }, async () => {
    const output = await start(["--driver=simulated"], { as: NOBODY });
    assert.equal(output.code, 73);
    assertOneProblem(output, `cannot write to ${join(home, "k8ts")}`, "HOME_NOT_WRITABLE");
  });

  for (const [args, code, id] of [
    [["-p", "Bad_Name"], 64, "PROFILE_NAME_INVALID"],
    [["--nodes=0"], 64, "NODES_INVALID"],
    [["--nodes=2000"], 64, "NODES_INVALID"],
    [["--insecure-registry=http://x/y"], 64, "REGISTRY_INVALID"],
  ] as const) {
    test(`${args.join(" ")} is refused`, async () => {
      const output = await start(["--driver=simulated", ...args]);
      assert.equal(output.code, code);
      assertOneProblem(output, "", id);
    });
  }

  for (const args of [
    ["--nodes=many"],
    ["--driver=docker"],
    ["--pod-network-cidr=10.0.0.0"],
    ["--no-such-flag"],
  ]) {
    test(`${args.join(" ")} is wrong usage`, async () => {
      const output = await start(args);
      assert.equal(output.code, 64);
      assert.match(output.stderr, /error: /);
    });
  }

  for (const command of [
    ["stop"],
    ["delete"],
    ["status"],
    ["ip"],
    ["service", "x"],
    ["kubectl", "--", "get", "nodes"],
  ]) {
    test(`k8ts ${command.join(" ")} without a cluster says what to type`, async () => {
      const output = await k8ts(command);
      assert.equal(output.code, 66);
      assertOneProblem(output, `profile "${PROFILE}" not found`, "PROFILE_NOT_FOUND");
      assertTry(output, "k8ts start -p e2estart");
    });
  }

  test("an interrupted start leaves nothing", { skip: needsRoot }, async () => {
    const child = spawn(K8TS, ["start", "--wait=all"], {
      env: environment({}),
      stdio: ["ignore", "ignore", "pipe"],
    });
    let text = "";
    const began = performance.now();
    child.stderr.setEncoding("utf8").on("data", (part: string) => {
      text += part;
      if (text.includes("private bridge") && !child.killed) child.kill("SIGINT");
    });
    const code = await new Promise((resolve) => child.once("close", resolve));
    assert.equal(code, 130, text);
    assert.ok(performance.now() - began < 8_000, text);
  });

  interface Starting {
    readonly as?: number;
    readonly env?: NodeJS.ProcessEnv;
  }

  function start(args: readonly string[], starting: Starting = {}): Promise<Output> {
    return k8ts(["start", ...args], starting);
  }

  function k8ts(args: readonly string[], { as, env = {} }: Starting = {}): Promise<Output> {
    const user =
      as === undefined ? [] : ["setpriv", `--reuid=${as}`, `--regid=${as}`, "--clear-groups", "--"];
    return run([...user, K8TS, ...args], environment(env), { timeoutMs: 120_000 });
  }

  function environment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
    return {
      ...process.env,
      K8TS_HOME: join(home, "k8ts"),
      KUBECONFIG: join(home, "kubeconfig"),
      K8TS_PROFILE: PROFILE,
      ...env,
    };
  }

  /** What a failed start may have left. */
  function leaks(): readonly string[] {
    const found: string[] = [];
    if (existsSync(join(home, "k8ts"))) found.push("the home of k8ts", ...filesIn(join(home, "k8ts")));
    if (existsSync(join(home, "kubeconfig"))) found.push("a kubeconfig");
    if (existsSync(`/run/k8ts/${PROFILE}`)) found.push(`folder /run/k8ts/${PROFILE}`);
    if (existsSync(`/run/netns/k8ts-${PROFILE}.node`)) found.push("a network namespace");
    return found;
  }
});

/** The last two lines: what failed with its id, and what to do. No stack, no second complaint. */
function assertOneProblem({ stdout, stderr }: Output, message: string, id: string): void {
  const problems = stderr.split("\n").filter((line) => line.startsWith("k8ts: "));
  assert.equal(problems.length, 1, stderr);
  assert.ok(problems[0]!.includes(message) && problems[0]!.endsWith(`[${id}]`), stderr);
  assert.doesNotMatch(stderr, /\n\s+at /);
  assert.equal(stdout, "");
}

/** Commands are shown as this test typed them. */
function assertTry({ stderr }: Output, fix: string): void {
  assert.ok(stderr.replaceAll(K8TS, "k8ts").includes(`\n  try: ${fix}`), stderr);
}

function filesIn(dir: string): readonly string[] {
  return existsSync(dir) ? (readdirSync(dir, { recursive: true }) as string[]) : [];
}
