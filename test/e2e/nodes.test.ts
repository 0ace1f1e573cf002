/** Nodes with real containers that stop, start, come and go while their cluster runs, with a tunnel between them. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync, rmSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { TestCluster, eventually, run } from "./harness.ts";
import { cgroups, list, mountPoints, read } from "./leaks.ts";

const WEB = join(import.meta.dirname, "../../examples/web");
const PROFILE = "e2enodes";
const FIRST = `k8ts-${PROFILE}`;
const SECOND = `${FIRST}-m02`;
const isRoot = process.geteuid?.() === 0;
/** A node that has said nothing for so long is not Ready; it speaks every ten seconds. */
const SILENT = "16s";
/** Of a veth. */
const LINK_MTU = 1500;
const IP_HEADER = 20;
const UDP_HEADER = 8;
/** Of IP, UDP, VXLAN and Ethernet. */
const TUNNEL_HEADERS = 50;

suite("nodes", { skip: isRoot ? false : "needs root: real containers" }, () => {
  let cluster: TestCluster;

  before(async () => {
    cluster = await TestCluster.prepare(PROFILE);
    await cluster.k8ts(
      "start",
      "--nodes=2",
      `--extra-config=controller-manager.node-monitor-grace-period=${SILENT}`,
      "--extra-config=kubelet.pod-network-tunnel=always",
    );
    await cluster.k8ts("image", "build", "-t", "demo/web:1", WEB);
    await onNode("one", FIRST);
    await onNode("two", SECOND);
  });
  after(() => cluster?.destroy());

  test("pods of different nodes talk through the tunnel, in packets as long as their link takes", async () => {
    const counters = [
      "add table ip test",
      // before fragments are put together and routes are looked for
      "add chain ip test arriving { type filter hook prerouting priority -450 ; }",
      `add rule ip test arriving udp dport 8472 udp length ${LINK_MTU - IP_HEADER} counter comment full`,
      "add rule ip test arriving iifname eth0 ip saddr 10.244.0.0/16 counter comment bare",
    ].join("\n");
    await inside(FIRST, `nft -f - <<'END'\n${counters}\nEND`);
    // Linux forbids routers to cut either of these: a datagram that fills the pods' MTU, and a page by TCP
    const datagram = `.send(Buffer.alloc(${LINK_MTU - TUNNEL_HEADERS - IP_HEADER - UDP_HEADER}), 9, "${await ipOf("one")}"`;
    await inside(
      SECOND,
      `'${process.execPath}' -e 's = require("dgram").createSocket("udp4"); s${datagram}, () => s.close())'`,
    );
    const full = /counter packets [1-9]\d* .*"full"/;
    await eventually("the datagram", async () =>
      full.test(await inside(FIRST, "nft list chain ip test arriving")) ? true : undefined,
    );
    await cluster.kubectl("exec", "two", "--", "sh", "-c", "head -c 1000000 /dev/zero >/www/big");
    const url = `http://${await ipOf("two")}/big`;
    const count = `wget -qO- ${url} | wc -c; cat /sys/class/net/eth0/mtu`;
    assert.equal(
      await cluster.kubectl("exec", "one", "--", "sh", "-c", count),
      `1000000\n${LINK_MTU - TUNNEL_HEADERS}\n`,
    );
    const rules = await inside(FIRST, "nft list chain ip test arriving");
    assert.match(rules, /counter packets 0 .*"bare"/);
    await inside(FIRST, "nft delete table ip test");
    await cluster.kubectl("expose", "pod", "two", "--port=80");
    await eventually("the service", async () => {
      const fetch = ["exec", "one", "--", "timeout", "5", "wget", "-qO-", "http://two"];
      return /two/.test((await cluster.tryKubectl(fetch)).stdout) ? true : undefined;
    });
    await cluster.kubectl("delete", "service", "two");
  });

  test("the tunnel stays while its agent is killed and starts again", async () => {
    const file = join(cluster.home, "profiles", PROFILE, "pids", `${FIRST}.agent.child.pid`);
    const [pid, state] = [read(file), await tunnelOf(FIRST)];
    assert.match(state, new RegExp(`fdb .* dst ${await nodeIP(SECOND)} `));
    kill(Number(pid));
    assert.equal(await tunnelOf(FIRST), state);
    assert.match(await fetchFrom("two", "one"), /one/);
    await eventually("another agent", async () => (["", pid].includes(read(file)) ? undefined : true));
    await eventually("it serves exec", async () =>
      (await cluster.tryKubectl(["exec", "one", "--", "true"])).code === 0 ? true : undefined,
    );
    assert.match(await fetchFrom("one", "two"), /two/);
    assert.equal(await tunnelOf(FIRST), state);
  });

  test("a node that stops takes its containers along, and the rest of the cluster works", async () => {
    await cluster.k8ts("node", "stop", SECOND);
    assert.deepEqual(shims(SECOND), []);
    assert.notDeepEqual(shims(FIRST), []);
    assert.equal(await cluster.kubectl("exec", "one", "--", "echo", "here"), "here\n");
    assert.notEqual((await cluster.tryKubectl(["exec", "two", "--", "true"], { timeoutMs: 20_000 })).code, 0);
  });

  test("started again it runs its pods again, and they are reached from the other node", async () => {
    await cluster.k8ts("node", "start", SECOND);
    await cluster.kubectl("wait", "--for=condition=Ready", `node/${SECOND}`, "--timeout=60s");
    await eventually("the container runs again", async () => {
      const { code } = await cluster.tryKubectl(["exec", "two", "--", "true"]);
      return code === 0 ? true : undefined;
    });
    await cluster.kubectl("wait", "--for=condition=Ready", "pod/two", "--timeout=60s");
    assert.match(await fetchFrom("one", "two"), /two/);
    assert.match(await fetchFrom("two", "one"), /one/);
  });

  test("a node whose link is cut is Unknown, and when it is back its containers are the same", async () => {
    const id = await containerOf("two");
    const link = `k8tsv-${createHash("sha256").update(SECOND).digest("hex").slice(0, 8)}`;
    await must("ip", "link", "set", link, "down");
    try {
      await cluster.kubectl("wait", "--for=condition=Ready=Unknown", `node/${SECOND}`, "--timeout=60s");
      await cluster.kubectl("wait", "--for=condition=Ready=False", "pod/two", "--timeout=60s");
      const taints = "jsonpath={.spec.taints[*].key}";
      await eventually("the taint", async () =>
        (await cluster.kubectl("get", "node", SECOND, "-o", taints)).includes(
          "node.kubernetes.io/unreachable",
        )
          ? true
          : undefined,
      );
    } finally {
      await must("ip", "link", "set", link, "up");
    }
    await cluster.kubectl("wait", "--for=condition=Ready", `node/${SECOND}`, "--timeout=60s");
    await cluster.kubectl("wait", "--for=condition=Ready", "pod/two", "--timeout=30s");
    assert.equal(await containerOf("two"), id);
    assert.match(await fetchFrom("one", "two"), /two/);
    assert.equal(await cluster.kubectl("exec", "two", "--", "echo", "here"), "here\n");
  });

  test("a node whose machine restarts runs its pods again", async () => {
    const id = await containerOf("two");
    const ip = await ipOf("two");
    await powerCut(cluster, SECOND);
    await cluster.k8ts("node", "start", SECOND);
    await eventually("another container", async () => ((await containerOf("two")) === id ? undefined : true));
    await cluster.kubectl("wait", "--for=condition=Ready", "pod/two", "--timeout=60s");
    assert.match(await fetchFrom("one", "two"), /two/);
    assert.match(await fetchFrom("two", "one"), /one/);
    // the pod has another address, and gave back the one it had
    const now = await ipOf("two");
    assert.deepEqual([now === ip, addresses(SECOND).includes(ip)], [false, false]);
  });

  test("a node that is drained gives its pods to the others, and a budget is kept meanwhile", async () => {
    await cluster.kubectl("cordon", FIRST);
    await cluster.kubectl("create", "deployment", "web", "--image=demo/web:1", "--replicas=2");
    await cluster.kubectl("create", "pdb", "web", "--selector=app=web", "--min-available=1");
    await cluster.kubectl("rollout", "status", "deploy/web", "--timeout=60s");
    await cluster.kubectl("uncordon", FIRST);
    await cluster.kubectl("drain", SECOND, "--force", "--ignore-daemonsets", "--timeout=120s");
    await cluster.kubectl("rollout", "status", "deploy/web", "--timeout=60s");
    const nodes = "jsonpath={.items[*].spec.nodeName}";
    assert.equal(await cluster.kubectl("get", "pods", "-l", "app=web", "-o", nodes), `${FIRST} ${FIRST}`);
    assert.equal((await cluster.tryKubectl(["get", "pod", "two"])).code, 1);
    assert.match(await cluster.kubectl("get", "nodes", SECOND), /Ready,SchedulingDisabled/);
    // also those that they had before the power was cut
    await eventually("the end of their addresses", async () =>
      addresses(SECOND).length === 0 ? true : undefined,
    ).catch((cause: unknown) => {
      throw new Error(addresses(SECOND).join(" "), { cause });
    });
    await cluster.kubectl("uncordon", SECOND);
    await onNode("two", SECOND);
  });

  test("a node that is added takes pods at once, also from images it has to be given", async () => {
    await cluster.k8ts("node", "add");
    await cluster.k8ts("image", "build", "-t", "demo/web:1", WEB);
    const third = `${FIRST}-m03`;
    await onNode("three", third);
    assert.match(await fetchFrom("one", "three"), /three/);
    assert.match(await fetchFrom("three", "two"), /two/);
  });

  test("a node that is deleted leaves nothing", async () => {
    const [ip, range] = [await nodeIP(SECOND), await rangeOf(SECOND)];
    assert.ok(isKnown(await tunnelOf(FIRST), ip, range));
    await cluster.k8ts("node", "delete", SECOND);
    assert.equal((await cluster.tryKubectl(["get", "node", SECOND])).code, 1);
    assert.deepEqual(shims(SECOND), []);
    const left = [
      `/run/netns/${SECOND}.node`,
      `/run/k8ts/${PROFILE}/${SECOND}`,
      `/sys/fs/cgroup/memory/k8ts/${PROFILE}/${SECOND}`,
      join(cluster.home, `profiles/${PROFILE}/nodes/${SECOND}`),
    ].filter((path) => existsSync(path));
    assert.deepEqual(left, []);
    await eventually("the end of its tunnel", async () =>
      isKnown(await tunnelOf(FIRST), ip, range) ? undefined : true,
    );
    assert.match(await fetchFrom("one", "three"), /three/);
  });

  async function onNode(name: string, nodeName: string): Promise<void> {
    const overrides = JSON.stringify({ spec: { nodeName } });
    await cluster.kubectl("run", name, "--image=demo/web:1", `--overrides=${overrides}`);
    await cluster.kubectl("wait", "--for=condition=Ready", `pod/${name}`, "--timeout=60s");
  }

  function addresses(node: string): readonly string[] {
    const data = join(cluster.home, `profiles/${PROFILE}/nodes/${node}/cni/data`);
    const files = list(data).flatMap((network) => list(join(data, network)));
    return files.filter((name) => /^\d+\./.test(name));
  }

  const ipOf = (name: string): Promise<string> =>
    cluster.kubectl("get", "pod", name, "-o", "jsonpath={.status.podIP}");
  const nodeIP = (node: string): Promise<string> =>
    cluster.kubectl("get", "node", node, "-o", "jsonpath={.status.addresses[0].address}");
  const rangeOf = (node: string): Promise<string> =>
    cluster.kubectl("get", "node", node, "-o", "jsonpath={.spec.podCIDR}");

  function containerOf(name: string): Promise<string> {
    return cluster.kubectl("get", "pod", name, "-o", "jsonpath={.status.containerStatuses[0].containerID}");
  }

  async function fetchFrom(from: string, to: string): Promise<string> {
    const ip = await ipOf(to);
    // the way to a node that has just come is known to the others a moment later
    return eventually(`an answer of ${to}`, () =>
      cluster.kubectl("exec", from, "--", "timeout", "5", "wget", "-qO-", `http://${ip}`),
    );
  }
});

/** As if the machine had lost its power: every process dies, and what is in memory alone is gone: /run, mounts, links, cgroups. */
async function powerCut({ home, profile }: TestCluster, node: string): Promise<void> {
  const pids = join(home, "profiles", profile, "pids");
  // supervisors first: they would start the others again
  const files = list(pids).filter((name) => name.startsWith(`${node}.`));
  for (const name of files.toSorted((a, b) => a.length - b.length)) kill(Number(read(join(pids, name))));
  const state = `/run/k8ts/${profile}/${node}`;
  const bundles = join(state, "containerd/io.containerd.runtime.v2.task/k8s.io");
  const sockets = list(bundles).map((id) => read(join(bundles, id, "address")).replace(/^unix:\/\//, ""));
  await eventually("the end of all its processes", async () => {
    const left = list("/proc").filter((pid) => /^\d+$/.test(pid) && isOnNode(pid, profile, node, state));
    for (const pid of left) kill(Number(pid));
    return left.length === 0 ? true : undefined;
  });
  const dir = join(home, "profiles", profile, "nodes", node);
  const mounts = mountPoints().filter((path) => path.startsWith(`${state}/`) || path.startsWith(`${dir}/`));
  for (const path of mounts.toReversed()) await must("umount", "--lazy", path);
  await must("ip", "netns", "del", `${node}.node`);
  for (const path of [state, ...sockets]) rmSync(path, { recursive: true, force: true });
  for (const hierarchy of list("/sys/fs/cgroup")) {
    const root = join("/sys/fs/cgroup", hierarchy, "k8ts", profile, node);
    for (const path of [root, ...cgroups(root)].toReversed()) if (existsSync(path)) rmdirSync(path);
  }
}

function isOnNode(pid: string, profile: string, node: string, state: string): boolean {
  if (/^State:\s+Z/m.test(read(`/proc/${pid}/status`))) return false;
  if (read(`/proc/${pid}/cgroup`).includes(`/k8ts/${profile}/${node}/`)) return true;
  return read(`/proc/${pid}/cmdline`).includes(`${state}/`);
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // it has ended meanwhile
  }
}

/** Standard output of a shell in the network of a node. */
async function inside(node: string, script: string): Promise<string> {
  const command = ["nsenter", `--net=/run/netns/${node}.node`, "--", "sh", "-c", script];
  const { code, stdout, stderr } = await run(command, process.env);
  assert.equal(code, 0, `${script}: ${stderr}`);
  return stdout;
}

/** The interface's index, which no other ever has, and routes, neighbours and forwarding entries of a node's tunnel. */
function tunnelOf(node: string): Promise<string> {
  const each = ["ip route show dev", "ip neigh show dev", "bridge fdb show dev"];
  const show = each.map((what) => `${what} k8ts.vxlan | sort | sed 's/^/${what.split(" ")[1]} /'`);
  return inside(node, ["ip -o link show dev k8ts.vxlan | cut -d: -f1", ...show].join("; "));
}

/** By its address, the range of its pods, or the range's first address. */
function isKnown(tunnel: string, ip: string, range: string): boolean {
  return [` ${ip} `, ` ${range} `, ` ${range.split("/")[0]} `].some((text) => tunnel.includes(text));
}

async function must(...command: readonly string[]): Promise<void> {
  const { code, stderr } = await run(command, process.env);
  assert.equal(code, 0, `${command.join(" ")}: ${stderr}`);
}

/** Command lines of the processes that hold a node's containers. */
function shims(node: string): readonly string[] {
  const commands = readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .map((pid) => commandOf(pid));
  return commands.filter(
    (command) => command.includes(`/run/k8ts/${PROFILE}/${node}/`) && command.includes("shim"),
  );
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  } catch {
    return ""; // it has ended meanwhile
  }
}
