/**
 * What pods may leave on a node that lives on. First all pods but those of the cluster's own components are deleted; then
 * nothing of them may be there: sandboxes, containers, processes, mounts, interfaces, addresses, cgroups, rules, files.
 */
import { join } from "node:path";
import type { Pod } from "#api/core/v1/types.gen";
import { cgroups, list, mountPoints, read, runDir, type ClusterNames } from "./leaks.ts";
import { eventually, run, type Output, type RunOptions } from "./running.ts";

const WORKLOADS = "deployments,statefulsets,daemonsets,replicasets,replicationcontrollers,jobs,cronjobs";
/** Pods get a second; their volumes, cgroups and records follow. */
const GONE_WITHIN_MS = 60_000;
const ANSWERS_WITHIN_MS = 60_000;
/** A full node takes its time. */
const PODS_END_SECONDS = 120;

interface LivingCluster extends ClusterNames {
  readonly env: NodeJS.ProcessEnv;
  readonly prefix: readonly string[];
  kubectl(...args: readonly string[]): Promise<string>;
  tryKubectl(args: readonly string[], options?: RunOptions): Promise<Output>;
}

interface Profile {
  readonly driver: string;
  readonly podCIDR: string;
  readonly nodes: readonly { readonly name: string }[];
}

interface Known {
  readonly profile: Profile;
  /** Uids of the pods of components, also as their own node knows them. */
  readonly uids: ReadonlySet<string>;
}

/**
 * Empty too where no node can have anything: never started, deleted, simulated. Rejects when the API does not answer or a
 * node cannot be looked at: what nobody looked at is not clean.
 */
export async function nodeLeftovers(
  cluster: LivingCluster,
  answersWithinMs: number = ANSWERS_WITHIN_MS,
): Promise<readonly string[]> {
  const text = read(join(cluster.home, "profiles", cluster.profile, "profile.json"));
  if (text === "") return [];
  const profile = JSON.parse(text) as Profile;
  if (profile.driver === "simulated") return [];
  await answers(cluster, answersWithinMs);
  await deletePods(cluster);
  const known: Known = { profile, uids: await remainingUids(cluster) };
  let left: readonly string[] = [];
  await eventually(
    "the end of what pods need",
    async () => {
      left = (await Promise.all(profile.nodes.map(({ name }) => leftoversOf(cluster, name, known)))).flat();
      return left.length === 0 ? true : undefined;
    },
    GONE_WITHIN_MS,
  ).catch((err: unknown) => {
    if (left.length === 0) throw err;
  });
  return left;
}

/** The last test may have killed the server. */
async function answers(cluster: LivingCluster, withinMs: number): Promise<void> {
  await eventually(
    "an answer of the API",
    () => cluster.kubectl("get", "--raw", "/readyz", "--request-timeout=20s"),
    withinMs,
  );
}

async function deletePods(cluster: LivingCluster): Promise<void> {
  await cluster.kubectl("delete", WORKLOADS, "--all-namespaces", "--all", "--wait=false");
  const others = "--field-selector=metadata.namespace!=kube-system";
  const wait = `--timeout=${PODS_END_SECONDS}s`;
  const { code, stderr } = await cluster.tryKubectl([
    "delete",
    "pods",
    "--all-namespaces",
    others,
    "--now",
    wait,
  ]);
  if (code !== 0) throw new Error(stderr.trim());
}

async function remainingUids(cluster: LivingCluster): Promise<ReadonlySet<string>> {
  const { items } = JSON.parse(await cluster.kubectl("get", "pods", "-A", "-o", "json")) as {
    readonly items: readonly Pod[];
  };
  return new Set(
    items.flatMap(({ metadata: { uid = "", annotations = {} } }) => [
      uid,
      annotations["kubernetes.io/config.hash"] ?? uid,
    ]),
  );
}

async function leftoversOf(cluster: LivingCluster, node: string, known: Known): Promise<readonly string[]> {
  const state = join(runDir(cluster), node);
  const dir = join(cluster.home, "profiles", cluster.profile, "nodes", node);
  // a node that was stopped; one whose containerd is away for a moment is still to be looked at
  const pids = join(cluster.home, "profiles", cluster.profile, "pids");
  if (!list(pids).includes(`${node}.containerd.pid`)) return [];
  const isOther = (text: string): boolean => !known.uids.values().some((uid) => text.includes(uid));
  const found = [
    ...mountPoints()
      .filter((path) => path.startsWith(`${state}/`) || path.startsWith(`${dir}/`))
      // a disk of its own for the images is the node's, and kubelet's folder is a shared mount
      .filter((path) => path !== join(dir, "containerd") && path !== join(dir, "kubelet") && isOther(path))
      .map((path) => `mount ${path}`),
    ...list(join(state, "containerd/io.containerd.runtime.v2.task/k8s.io")).map((id) => `bundle ${id}`),
    ...list(join(state, "runc/k8s.io")).map((id) => `record of runc ${id}`),
    ...shims(state),
    ...podCgroups(`/k8ts/${cluster.profile}/${node}`).filter(isOther),
    ...list(join(dir, "kubelet/pods"))
      .filter(isOther)
      .map((uid) => `folder of pod ${uid}`),
    ...list(join(dir, "pod-logs"))
      .filter(isOther)
      .map((name) => `logs of ${name}`),
    ...addresses(join(dir, "cni/data")),
    ...(await rules(cluster, node, known.profile)),
    ...(await containerdObjects(join(state, "containerd.sock"))),
  ];
  return found.map((what) => `${node}: ${what}`);
}

function shims(state: string): readonly string[] {
  return list("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => ({ pid, command: read(`/proc/${pid}/cmdline`) }))
    .filter(({ command }) => command.includes("shim") && command.includes(`${state}/`))
    .map(({ pid }) => `shim ${pid}`);
}

function podCgroups(root: string): readonly string[] {
  return list("/sys/fs/cgroup")
    .flatMap((hierarchy) => cgroups(join("/sys/fs/cgroup", hierarchy, root)))
    .filter((path) => /\/pod[^/]+/.test(path.slice(path.indexOf(root) + root.length)))
    .map((path) => `cgroup ${path}`);
}

/** Files of host-local, named after the addresses. */
function addresses(dir: string): readonly string[] {
  return list(dir).flatMap((network) =>
    list(join(dir, network))
      .filter((name) => /^\d+\.\d+\.\d+\.\d+$|:/.test(name))
      .map((address) => `address ${address}`),
  );
}

/** Interfaces of pods, and rules that still name the address of one. */
async function rules(cluster: LivingCluster, node: string, profile: Profile): Promise<readonly string[]> {
  const { driver, podCIDR } = profile;
  const inside = driver === "host" ? cluster.prefix : ["nsenter", `--net=/run/netns/${node}.node`, "--"];
  const links = await outputOf([...inside, "ip", "-o", "link", "show", "type", "veth"], cluster.env);
  const ruleset = await outputOf([...inside, "nft", "list", "ruleset"], cluster.env);
  const named = podCIDR.split(",").flatMap((cidr) => ruleset.match(addressesOf(cidr)) ?? []);
  return [
    ...links
      .split("\n")
      .filter((line) => / veth/.test(line))
      .map((line) => `interface ${line.split(" ")[1]}`),
    ...new Set(named.map((address) => `rule with ${address}`)),
  ];
}

/** Of pods; ranges have a slash behind them. */
function addressesOf(cidr: string): RegExp {
  if (cidr.includes(":")) return new RegExp(`\\b${cidr.split("::")[0]}:[0-9a-f:]+(?![0-9a-f:/])`, "g");
  return new RegExp(`\\b${cidr.split(".", 2).join("\\.")}\\.\\d+\\.\\d+\\b(?!/)`, "g");
}

async function containerdObjects(socket: string): Promise<readonly string[]> {
  const ctr = async (...args: readonly string[]): Promise<readonly string[]> => {
    const text = await outputOf(["ctr", "--address", socket, "-n", "k8s.io", ...args], process.env);
    return text.split("\n").filter((line) => line !== "");
  };
  const [containers, tasks, snapshots] = await Promise.all([
    ctr("containers", "list", "-q"),
    ctr("tasks", "list", "-q"),
    ctr("snapshots", "list"),
  ]);
  return [
    ...containers.map((id) => `container ${id}`),
    ...tasks.map((id) => `task ${id}`),
    // what images are made of is committed
    ...snapshots.filter((line) => /\s(?:Active|View)\s*$/.test(line)).map((line) => `snapshot ${line}`),
  ];
}

/** A program that failed has not looked. */
async function outputOf(command: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
  const { code, stdout, stderr } = await run(command, env);
  if (code !== 0) throw new Error(`${command.join(" ")} exited with ${code}: ${stderr.trim()}`);
  return stdout;
}
