/**
 * What a cluster may leave on the machine after its end. Other clusters run on the same machine, so nothing is counted: what
 * belongs to a cluster is known by its names, and, where names say nothing, by what was noted while it lived.
 */
import { existsSync, readFileSync, readdirSync, readlinkSync, statSync } from "node:fs";
import { join } from "node:path";
import { LOCAL_PATH_RECORDS, LOCAL_PATH_ROOT } from "#api/core/v1/local-path-volumes";
import { run } from "./running.ts";

export interface ClusterNames {
  readonly profile: string;
  /** `K8TS_HOME`. */
  readonly home: string;
}

/** Noted while the cluster lives. */
export interface Footprint {
  /** Inodes of the network namespaces of nodes and pods. */
  readonly namespaces: ReadonlySet<string>;
  /** On the machine: the bridge, and the nodes' ends, with their indexes: another cluster's may get a name that is free again. */
  readonly interfaces: ReadonlyMap<string, string>;
  /** Of containers and sandboxes. */
  readonly ids: readonly string[];
  /** Sockets of the shims, which are outside of the cluster's folders. */
  readonly sockets: readonly string[];
  /** Folders of the volumes that its nodes have mounted, which are outside, too. */
  readonly volumes: readonly string[];
  /** Seconds since the machine's start. */
  readonly takenAt: number;
}

const NOTHING: Footprint = {
  namespaces: new Set(),
  interfaces: new Map(),
  ids: [],
  sockets: [],
  volumes: [],
  takenAt: 0,
};
/** Of the times in /proc, per second. */
const TICKS = 100;
const CGROUPS = "/sys/fs/cgroup";
/** Where programs of containers keep something for all nodes of a machine. */
const SHARED_DIRS = ["/run/containerd", "/run/runc", "/var/lib/cni", "/var/log/pods", "/var/log/containers"];
const SHARED_DEPTH_MAX = 4;

export function footprintOf(names: ClusterNames): Footprint {
  const bundles = bundlesOf(names);
  const netns = list("/run/netns").filter((name) => isOurNamespace(name, names));
  const pods = mountPoints().filter((path) => path.startsWith(`${runDir(names)}/`) && path.includes("netns"));
  const bridge = bridgeOf(names);
  const links = bridge === undefined ? [] : [bridge, ...list(`/sys/class/net/${bridge}/brif`)];
  return {
    namespaces: new Set([...netns.map((name) => `/run/netns/${name}`), ...pods].map(inodeOf)),
    interfaces: new Map(links.map((name) => [name, linkIndex(name)])),
    ids: bundles.map((path) => path.slice(path.lastIndexOf("/") + 1)),
    sockets: bundles
      .map((path) => read(join(path, "address")).replace(/^unix:\/\//, ""))
      .filter((path) => path !== ""),
    volumes: volumesOf(names),
    takenAt: Number.parseFloat(read("/proc/uptime")),
  };
}

/** Processes, mounts, interfaces, namespaces, cgroups, rules and files; each as one line. */
export async function leftovers(
  names: ClusterNames,
  footprint: Footprint = NOTHING,
): Promise<readonly string[]> {
  const { home, profile } = names;
  return [
    ...processes(names, footprint),
    ...mountPoints()
      .filter((path) => isBelow(path, names))
      .map((path) => `mount ${path}`),
    ...list("/run/netns")
      .filter((name) => isOurNamespace(name, names))
      .map((name) => `network namespace ${name}`),
    ...[...footprint.interfaces]
      .filter(([name, index]) => index !== "" && linkIndex(name) === index)
      .map(([name]) => `interface ${name}`),
    ...cgroups(CGROUPS)
      .filter((path) => path.endsWith(`/k8ts/${profile}`) || footprint.ids.some((id) => path.includes(id)))
      .map((path) => `cgroup ${path}`),
    ...[runDir(names), join(home, "profiles"), join(home, "bin"), ...footprint.sockets, ...footprint.volumes]
      .filter((path) => existsSync(path))
      .map((path) => `file ${path}`),
    ...list(join(home, "tmp")).map((name) => `temporary file ${name}`),
    ...sharedFiles(names, footprint).map((path) => `file ${path}`),
    ...(await firewallTables()).map((table) => `rules of the machine's firewall: ${table}`),
  ];
}

function processes({ home, profile }: ClusterNames, footprint: Footprint): readonly string[] {
  const found: string[] = [];
  for (const pid of list("/proc").filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)) {
    const of = (file: string): string => read(`/proc/${pid}/${file}`);
    if (/^State:\s+Z/m.test(of("status"))) continue; // its parent's business
    const command = of("cmdline");
    const why = [
      (command.includes(join(home, "profiles")) || command.includes(`/run/k8ts/${profile}/`)) && "command",
      of("environ").split("\0").includes(`K8TS_HOME=${home}`) && "environment",
      new RegExp(`/k8ts/${profile}(?:/|$)`, "m").test(of("cgroup")) && "cgroup",
      isWithin(footprint, pid) && "network namespace",
      of("mountinfo").includes(`/run/k8ts/${profile}/`) && "mounts",
      linkOf(`/proc/${pid}/cwd`).startsWith(`${home}/`) && "working directory",
    ].filter((reason) => reason !== false);
    if (why.length > 0)
      found.push(`process ${pid} (${why.join(", ")}): ${command.replaceAll("\0", " ").slice(0, 160)}`);
  }
  return found;
}

/** A namespace that is gone gives its number to the next one, and that one's processes began later. */
function isWithin({ namespaces, takenAt }: Footprint, pid: string): boolean {
  if (!namespaces.has(inodeOf(`/proc/${pid}/ns/net`))) return false;
  const stat = read(`/proc/${pid}/stat`);
  const began = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]) / TICKS;
  return began <= takenAt;
}

function volumesOf({ home, profile }: ClusterNames): readonly string[] {
  const nodes = join(home, "profiles", profile, "nodes");
  return list(nodes)
    .flatMap((node) => list(join(nodes, node, "kubelet", LOCAL_PATH_RECORDS)))
    .map((volume) => join(LOCAL_PATH_ROOT, volume));
}

/** Files that bear the id of one of our containers, and records of networks that lead to one of our sandboxes. */
function sharedFiles({ profile }: ClusterNames, { ids }: Footprint): readonly string[] {
  const paths = SHARED_DIRS.flatMap((dir) => below(dir, SHARED_DEPTH_MAX));
  const isOurs = (path: string): boolean =>
    ids.some((id) => path.includes(id)) ||
    (path.startsWith("/var/lib/cni/") && read(path).includes(`/run/k8ts/${profile}/`));
  return paths.filter(isOurs);
}

/** A node's rules are in its own network namespace; the machine's are nobody's to touch. */
async function firewallTables(): Promise<readonly string[]> {
  const { stdout } = await run(["nft", "list", "tables"], process.env).catch(() => ({ stdout: "" }));
  return stdout.split("\n").filter((line) => line.includes("k8ts"));
}

function bundlesOf(names: ClusterNames): readonly string[] {
  return list(runDir(names)).flatMap((node) => {
    const dir = join(runDir(names), node, "containerd/io.containerd.runtime.v2.task/k8s.io");
    return list(dir).map((id) => join(dir, id));
  });
}

function bridgeOf({ home, profile }: ClusterNames): string | undefined {
  const text = read(join(home, "profiles", profile, "profile.json"));
  if (text === "") return undefined;
  return (JSON.parse(text) as { readonly network?: { readonly bridge: string } }).network?.bridge;
}

export function runDir({ profile }: ClusterNames): string {
  return `/run/k8ts/${profile}`;
}

/** Never that of another interface while the machine runs. */
export function linkIndex(name: string): string {
  return read(`/sys/class/net/${name}/ifindex`).trim();
}

function isOurNamespace(name: string, { profile }: ClusterNames): boolean {
  return new RegExp(`^k8ts-${profile}(?:\\.|-[mj]\\d)`).test(name);
}

function isBelow(path: string, names: ClusterNames): boolean {
  return path.startsWith(`${names.home}/`) || path.startsWith(`${runDir(names)}/`);
}

export function mountPoints(): readonly string[] {
  return read("/proc/self/mountinfo")
    .split("\n")
    .map((line) => line.split(" ")[4] ?? "");
}

export function cgroups(dir: string): readonly string[] {
  return foldersOf(dir).flatMap((path) => [path, ...cgroups(path)]);
}

function below(dir: string, depth: number): readonly string[] {
  if (depth === 0) return [];
  return list(dir).flatMap((name) => {
    const path = join(dir, name);
    return [path, ...below(path, depth - 1)];
  });
}

function foldersOf(dir: string): readonly string[] {
  try {
    const entries = readdirSync(dir, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(dir, name));
  } catch {
    return []; // it has gone meanwhile
  }
}

/** Nothing for what is no folder, or has gone meanwhile. */
export function list(dir: string): readonly string[] {
  try {
    return readdirSync(dir);
  } catch {
    return [];
  }
}

export function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}

/** Unequal to any other where there is none. */
function inodeOf(path: string): string {
  try {
    return String(statSync(path).ino);
  } catch {
    return path;
  }
}
