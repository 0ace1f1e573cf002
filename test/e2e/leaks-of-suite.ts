/**
 * What the whole e2e suite may leave on the machine. Other suites run beside it and other clusters were there before, so a
 * look names everything that bears a name of this suite, and only what is new counts.
 */
import { readlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { cgroups, linkIndex, list, mountPoints, read } from "./leaks.ts";

/** How names of profiles, and of temporary folders, begin here. */
const PROFILE_PREFIX = "e2e";
const FOLDER_PREFIX = `k8ts-${PROFILE_PREFIX}`;
/** kubectl, unpacked once for all runs. */
const TOOLS = `${FOLDER_PREFIX}-tools`;
/** In a command, an environment, a link, a record. */
const OF_SUITE = new RegExp(`/(?:run/k8ts/${PROFILE_PREFIX}|${FOLDER_PREFIX}(?!-tools/))`);
const CNI_DIR = "/var/lib/cni";

export interface Found {
  /** The same in each look, and never that of another thing. */
  readonly id: string;
  readonly line: string;
}

interface Network {
  readonly bridge: string;
  /** The bridge's hardware address. */
  readonly owner?: string;
}

/** Processes, mounts, namespaces, interfaces, cgroups and files. */
export function lookForSuite(): readonly Found[] {
  return [
    ...processes(),
    ...mountPoints()
      .filter((path) => OF_SUITE.test(path))
      .map((path) => same(`mount ${path}`)),
    ...list("/run/netns")
      .filter((name) => name.startsWith(FOLDER_PREFIX))
      .map((name) => same(`network namespace ${name}`)),
    ...interfaces(),
    ...cgroups("/sys/fs/cgroup")
      .filter((path) => path.includes(`/k8ts/${PROFILE_PREFIX}`))
      .map((path) => same(`cgroup ${path}`)),
    ...list("/run/k8ts")
      .filter((name) => name.startsWith(PROFILE_PREFIX))
      .map((name) => same(`file /run/k8ts/${name}`)),
    ...filesBelow(CNI_DIR)
      .filter((path) => OF_SUITE.test(read(path)))
      .map((path) => same(`file ${path}`)),
    ...list(tmpdir())
      .filter((name) => name.startsWith(FOLDER_PREFIX) && name !== TOOLS)
      .map((name) => same(`temporary folder ${join(tmpdir(), name)}`)),
  ];
}

/** What is there `now` and was not `before`. */
export function newSince(before: readonly Found[], now: readonly Found[]): readonly Found[] {
  const known = new Set(before.map(({ id }) => id));
  return now.filter(({ id }) => !known.has(id));
}

function same(line: string): Found {
  return { id: line, line };
}

/** A pid is given again; with the time of its start it is a process's own. */
function processes(): readonly Found[] {
  return list("/proc")
    .filter((name) => /^\d+$/.test(name) && !isOurself(name))
    .flatMap((pid): readonly Found[] => {
      const of = (file: string): string => read(`/proc/${pid}/${file}`);
      const stat = of("stat");
      const [state, ...times] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      if (state === undefined || state === "Z") return []; // its parent's business
      const command = of("cmdline");
      const home = of("environ")
        .split("\0")
        .find((entry) => entry.startsWith("K8TS_HOME="));
      const isOfSuite =
        [command, home ?? "", linkOf(`/proc/${pid}/cwd`)].some((text) => OF_SUITE.test(text)) ||
        of("cgroup").includes(`/k8ts/${PROFILE_PREFIX}`);
      const line = `process ${pid}: ${command.replaceAll("\0", " ").slice(0, 160)}`;
      return isOfSuite ? [{ id: `process ${pid} ${times[18]}`, line }] : [];
    });
}

function isOurself(pid: string): boolean {
  return Number(pid) === process.pid || Number(pid) === process.ppid;
}

/** The machine's interfaces do not say whose they are: those that a cluster outside of this suite has on its bridge are left out. */
function interfaces(): readonly Found[] {
  const others = new Set(bridgesOfOthers());
  return list("/sys/class/net")
    .filter((name) => name.startsWith("k8ts"))
    .filter((name) => !others.has(name) && !others.has(masterOf(name)))
    .map((name) => ({ id: `interface ${name} ${linkIndex(name)}`, line: `interface ${name}` }));
}

/** Of the clusters of conformance tests, which are launched beside. */
function bridgesOfOthers(): readonly string[] {
  return list(tmpdir())
    .filter((name) => name.startsWith("k8ts-") && !name.startsWith(FOLDER_PREFIX))
    .flatMap((name) => {
      const profiles = join(tmpdir(), name, "profiles");
      return list(profiles).map((profile) => read(join(profiles, profile, "profile.json")));
    })
    .filter((text) => text !== "")
    .flatMap((text) => (JSON.parse(text) as { readonly network?: Network }).network ?? [])
    .filter(({ bridge, owner }) => read(`/sys/class/net/${bridge}/address`).trim() === owner)
    .map(({ bridge }) => bridge);
}

function masterOf(name: string): string {
  return basename(linkOf(`/sys/class/net/${name}/master`));
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return ""; // none, or gone meanwhile
  }
}

function filesBelow(dir: string): readonly string[] {
  return list(dir).flatMap((name) => [join(dir, name), ...filesBelow(join(dir, name))]);
}
