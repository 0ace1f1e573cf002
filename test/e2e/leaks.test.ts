/** The leak checker itself: whatever is planted, of each sort, is found, and nothing else is. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { rmdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { after, before, suite, test, type TestContext } from "node:test";
import { TestCluster } from "./harness.ts";
import { type Footprint, leftovers, linkIndex } from "./leaks.ts";
import { lookForSuite, newSince } from "./leaks-of-suite.ts";
import { nodeLeftovers } from "./node-leaks.ts";
import { run } from "./running.ts";

const isRoot = process.geteuid?.() === 0;
const skip = isRoot ? false : "needs root: mounts, namespaces, cgroups";
const PROFILE = "e2eleak";
const NODE = `k8ts-${PROFILE}`;
const HIERARCHY = existsSync("/sys/fs/cgroup/memory") ? "/sys/fs/cgroup/memory" : "/sys/fs/cgroup";

suite("leak checker", { skip }, () => {
  const profile = "e2eplant";
  const NONE: Footprint = {
    namespaces: new Set(),
    interfaces: new Map(),
    ids: [],
    sockets: [],
    volumes: [],
    takenAt: Infinity,
  };

  /** What is found once `plant` has planted something in an empty home, and after `pull` has pulled it out. */
  async function found(
    t: TestContext,
    plant: (
      home: string,
    ) => Promise<{ readonly footprint?: Partial<Footprint>; readonly pull: () => unknown }>,
  ): Promise<readonly string[]> {
    const home = mkdtempSync(join(tmpdir(), "k8ts-e2e-plant-"));
    t.after(() => rmSync(home, { recursive: true, force: true }));
    const names = { profile, home };
    assert.deepEqual(await leftovers(names), [], "nothing is there before");
    const { footprint, pull } = await plant(home);
    let lines: readonly string[];
    try {
      lines = await leftovers(names, { ...NONE, ...footprint });
    } finally {
      await pull();
    }
    assert.deepEqual(await leftovers(names, { ...NONE, ...footprint }), [], "nothing is there after");
    return lines;
  }

  test("a process is found", async (t) => {
    const lines = await found(t, async (home) => {
      const child = spawn("sleep", ["60"], { env: { ...process.env, K8TS_HOME: home } });
      await new Promise((resolve) => child.once("spawn", resolve));
      const ended = new Promise((resolve) => child.once("exit", resolve));
      return { pull: () => (child.kill("SIGKILL"), ended) };
    });
    assert.equal(lines.length, 1);
    assert.match(lines[0]!, /^process \d+ \(environment\): sleep 60/);
  });

  test("a mount is found", async (t) => {
    const lines = await found(t, async (home) => {
      const path = join(home, "mounted");
      mkdirSync(path);
      await must("mount", "-t", "tmpfs", "-o", "size=4k", "k8ts-plant", path);
      return { pull: () => must("umount", path) };
    });
    assert.match(lines.join("\n"), /^mount \/.*\/mounted$/);
  });

  test("a network namespace is found, and a process in it", async (t) => {
    const name = `k8ts-${profile}.pod`;
    const lines = await found(t, async () => {
      await must("ip", "netns", "add", name);
      const child = spawn("nsenter", [`--net=/run/netns/${name}`, "--", "sleep", "60"]);
      const namespaces = new Set([String(statSync(`/run/netns/${name}`).ino)]);
      // it is there once it has entered
      while (String(statSync(`/proc/${child.pid}/ns/net`).ino) !== [...namespaces][0]) await setImmediate();
      const ended = new Promise((resolve) => child.once("exit", resolve));
      const pull = async (): Promise<void> => {
        child.kill("SIGKILL");
        await ended;
        await must("ip", "netns", "del", name);
      };
      return { footprint: { namespaces }, pull };
    });
    assert.equal(lines.length, 2);
    assert.match(lines[0]!, /^process \d+ \(network namespace\)/);
    assert.equal(lines[1], `network namespace ${name}`);
  });

  test("an interface that the cluster had is found", async (t) => {
    const name = "k8tsplant0";
    const lines = await found(t, async () => {
      await must("ip", "link", "add", name, "type", "bridge");
      const interfaces = new Map([[name, linkIndex(name)]]);
      return { footprint: { interfaces }, pull: () => must("ip", "link", "del", name) };
    });
    assert.deepEqual(lines, [`interface ${name}`]);
  });

  test("a cgroup is found, the cluster's own and one that bears the id of a container", async (t) => {
    const own = join(HIERARCHY, "k8ts", profile);
    const id = "0123456789abcdef".repeat(4);
    const lines = await found(t, async () => {
      mkdirSync(join(own, id), { recursive: true });
      const pull = async (): Promise<void> => {
        await rmdir(join(own, id));
        await rmdir(own);
      };
      return { footprint: { ids: [id] }, pull };
    });
    assert.deepEqual(lines, [`cgroup ${own}`, `cgroup ${join(own, id)}`]);
  });

  test("files are found: those of a run, temporary ones, and records of networks", async (t) => {
    const dir = `/run/k8ts/${profile}`;
    const record = join("/var/lib/cni", `${profile}-plant`);
    const lines = await found(t, async (home) => {
      mkdirSync(dir, { recursive: true });
      mkdirSync(join(home, "tmp"));
      mkdirSync("/var/lib/cni", { recursive: true });
      writeFileSync(join(home, "tmp/left"), "");
      writeFileSync(record, `{"netns":"${dir}/netns/cni-1"}`);
      const pull = (): void => {
        rmSync(dir, { recursive: true });
        rmSync(join(home, "tmp/left"));
        rmSync(record);
      };
      return { pull };
    });
    assert.deepEqual(lines, [`file ${dir}`, "temporary file left", `file ${record}`]);
  });

  test("a folder of a volume that a node had mounted is found", async (t) => {
    const left = await found(t, async (home) => {
      const volume = join(home, "volume");
      mkdirSync(volume);
      return { footprint: { volumes: [volume] }, pull: () => rmdir(volume) };
    });
    assert.equal(left.length, 1);
    assert.match(left[0]!, /^file .*\/volume$/);
  });

  test("a cluster that has nodes and does not answer is not taken for clean", async (t) => {
    const home = mkdtempSync(join(tmpdir(), "k8ts-e2e-plant-"));
    t.after(() => rmSync(home, { recursive: true, force: true }));
    const cluster = { profile, home, env: {}, prefix: [], kubectl: silent, tryKubectl: silent };
    assert.deepEqual(await nodeLeftovers(cluster, 0), [], "one that was never started has nothing");
    const dir = join(home, "profiles", profile);
    mkdirSync(dir, { recursive: true });
    for (const driver of ["netns", "host"]) {
      writeFileSync(join(dir, "profile.json"), JSON.stringify({ driver, podCIDR: "10.0.0.0/8", nodes: [] }));
      await assert.rejects(nodeLeftovers(cluster, 0), /an answer of the API did not happen/);
    }
  });

  test("rules of the machine's firewall are found", async () => {
    // in a network namespace of our own, which is the machine for whoever looks from there
    const name = `k8ts-${profile}-fw`;
    await must("ip", "netns", "add", name);
    try {
      const inside = ["nsenter", `--net=/run/netns/${name}`, "--"];
      await must(...inside, "nft", "add", "table", "inet", "k8ts-plant");
      const look = `import("${join(import.meta.dirname, "leaks.ts")}").then(async ({ leftovers }) => {
        const left = await leftovers({ profile: "${profile}x", home: "/none" });
        console.log(JSON.stringify(left));
      });`;
      const { stdout, stderr } = await run([...inside, process.execPath, "-e", look], process.env);
      assert.deepEqual(
        JSON.parse(stdout),
        ["rules of the machine's firewall: table inet k8ts-plant"],
        stderr,
      );
    } finally {
      await must("ip", "netns", "del", name);
    }
  });
});

suite("leak checker of the whole suite", { skip }, () => {
  test("whatever is new is found, of each sort; what was there before is not", async (t) => {
    const earlier = lookForSuite();
    const lines = (): readonly string[] => newSince(earlier, lookForSuite()).map(({ line }) => line);
    const home = mkdtempSync(join(tmpdir(), "k8ts-e2e-plant-"));
    const dir = "/run/k8ts/e2eplant";
    const cgroup = join(HIERARCHY, "k8ts/e2eplant");
    const record = "/var/lib/cni/e2eplant-record";
    const mounted = join(home, "mounted");
    for (const path of [dir, cgroup, "/var/lib/cni", mounted]) mkdirSync(path, { recursive: true });
    writeFileSync(record, `{"netns":"${dir}/netns/cni-1"}`);
    await must("mount", "-t", "tmpfs", "-o", "size=4k", "k8ts-plant", mounted);
    await must("ip", "netns", "add", "k8ts-e2eplant.node");
    await must("ip", "link", "add", "k8tsplant0", "type", "bridge");
    const child = spawn("sleep", ["61"], { env: { ...process.env, K8TS_HOME: home } });
    await new Promise((resolve) => child.once("spawn", resolve));
    const ended = new Promise((resolve) => child.once("exit", resolve));
    const wanted = [
      `process ${child.pid}: sleep 61 `,
      `mount ${mounted}`,
      "mount /run/netns/k8ts-e2eplant.node",
      "network namespace k8ts-e2eplant.node",
      "interface k8tsplant0",
      `cgroup ${cgroup}`,
      `file ${dir}`,
      `file ${record}`,
      `temporary folder ${home}`,
    ];
    t.after(() => rmSync(home, { recursive: true, force: true }));
    try {
      const found = lines();
      assert.deepEqual(
        wanted.filter((line) => !found.includes(line)),
        [],
        found.join("\n"),
      );
      assert.deepEqual(newSince(lookForSuite(), lookForSuite()), [], "nothing is new since a moment ago");
    } finally {
      child.kill("SIGKILL");
      await ended;
      await must("umount", mounted);
      await must("ip", "netns", "del", "k8ts-e2eplant.node");
      await must("ip", "link", "del", "k8tsplant0");
      await rmdir(cgroup);
      rmSync(dir, { recursive: true });
      rmSync(record);
      rmSync(home, { recursive: true });
    }
    const found = lines();
    assert.deepEqual(
      wanted.filter((line) => found.includes(line)),
      [],
      "nothing is there after",
    );
  });
});

suite("leak checker on a node that lives", { skip }, () => {
  let cluster: TestCluster;
  before(async () => {
    cluster = await TestCluster.prepare(PROFILE);
    await cluster.k8ts("start");
  });
  after(() => cluster?.destroy());

  test("what pods leave is found: mounts, cgroups, addresses, interfaces, rules, logs, bundles, records", async () => {
    const dir = join(cluster.home, "profiles", PROFILE, "nodes", NODE);
    const state = join("/run/k8ts", PROFILE, NODE);
    const uid = "11111111-2222-3333-4444-555555555555";
    const inside = ["nsenter", `--net=/run/netns/${NODE}.node`, "--"];
    const cgroup = join(HIERARCHY, "k8ts", PROFILE, NODE, "kubepods/besteffort", `pod${uid}`);
    const network = join(dir, "cni/data/k8ts");
    const ip = "10.244.0.250";
    const plants = [
      { path: join(state, "planted"), line: `mount ${join(state, "planted")}` },
      {
        path: join(state, "containerd/io.containerd.runtime.v2.task/k8s.io/planted"),
        line: "bundle planted",
      },
      { path: join(state, "runc/k8s.io/planted"), line: "record of runc planted" },
      { path: cgroup, line: `cgroup ${cgroup}` },
      { path: join(dir, "pod-logs/default_gone_1"), line: "logs of default_gone_1" },
      { path: network, line: `address ${ip}` },
    ];
    const agent = join(cluster.home, "profiles", PROFILE, "pids", `${NODE}.agent.child.pid`);
    const pid = Number(readFileSync(agent, "utf8"));
    // the kubelet would sweep some of it
    process.kill(pid, "SIGSTOP");
    for (const { path } of plants) mkdirSync(path, { recursive: true });
    writeFileSync(join(network, ip), "nobody\r\neth0");
    await must("mount", "-t", "tmpfs", "-o", "size=4k", "k8ts-plant", join(state, "planted"));
    await must(...inside, "ip", "link", "add", "vethplant", "type", "veth", "peer", "name", "vethplant1");
    await must(...inside, "nft", "add", "table", "ip", "plant");
    await must(...inside, "nft", "add", "set", "ip", "plant", "pods", "{ type ipv4_addr; }");
    await must(...inside, "nft", "add", "element", "ip", "plant", "pods", `{ ${ip} }`);
    try {
      const lines = await nodeLeftovers(cluster);
      const wanted = [
        ...plants.map(({ line }) => line),
        "interface vethplant@vethplant1:",
        "interface vethplant1@vethplant:",
        `rule with ${ip}`,
      ];
      assert.deepEqual([...lines].toSorted(), wanted.map((line) => `${NODE}: ${line}`).toSorted());
    } finally {
      await must(...inside, "nft", "delete", "table", "ip", "plant");
      await must(...inside, "ip", "link", "del", "vethplant");
      await must("umount", join(state, "planted"));
      await rmdir(cgroup);
      rmSync(join(network, ip), { force: true });
      for (const { path } of plants)
        if (path !== cgroup && path !== network) rmSync(path, { recursive: true, force: true });
      process.kill(pid, "SIGCONT");
    }
    assert.deepEqual(await nodeLeftovers(cluster), []);
  });
});

async function must(...command: readonly string[]): Promise<void> {
  const { code, stderr } = await run(command, process.env);
  assert.equal(code, 0, `${command.join(" ")}: ${stderr}`);
}

async function silent(): Promise<never> {
  throw new Error("connection refused");
}
