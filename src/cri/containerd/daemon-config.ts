/** containerd's configuration and command line for one node, decided from what the machine can do. @module */
import { join } from "node:path";
import { PAUSE_IMAGE } from "../pause/image.ts";

export interface DaemonOptions {
  /** Images and snapshots: what survives a restart of the machine. */
  readonly rootDir: string;
  /** Sockets, mounts and state of running containers. Keep it short: socket paths end at 107 bytes. */
  readonly stateDir: string;
  readonly cniBinDir?: string;
  /** Holds the node's network configuration; may be empty at first. */
  readonly cniConfDir: string;
  /** Of a network configuration, which containerd writes once it knows the node's range of pods and finds no other. */
  readonly cniConfTemplate?: string;
  /** Per registry: `HOST/hosts.toml`. */
  readonly registryConfigDir?: string;
  readonly sandboxImage?: string;
  readonly maxConcurrentDownloads?: number;
  /** The cgroup that containerd itself joins; undefined: where it was started. */
  readonly cgroupPath?: string;
  /** A network namespace (`/run/netns/NAME`) to run in: pods' ports and pulls go by that network. */
  readonly netns?: string;
  readonly logLevel?: "debug" | "info" | "warn" | "error";
}

/** What the machine offers; see `detectMachine`. */
export interface Machine {
  readonly hasSysResource: boolean;
  readonly hasOverlay: boolean;
}

export interface DaemonPaths {
  readonly config: string;
  readonly socket: string;
  readonly log: string;
  readonly pid: string;
}

/** Where Debian's containernetworking-plugins are. */
export const CNI_BIN_DIR = "/usr/lib/cni";
const MAX_CONCURRENT_DOWNLOADS = 3;
/**
 * containerd's own are 2 to 5 s. Past them it forgets a shim that is slow to answer, and leaves it running, when the start of a
 * container is broken off; and takes a living container for a dead one when it is started again itself.
 */
const SHIM_TIMEOUTS = {
  '"io.containerd.timeout.shim.cleanup"': "60s",
  '"io.containerd.timeout.shim.load"': "30s",
  '"io.containerd.timeout.shim.shutdown"': "15s",
  '"io.containerd.timeout.task.state"': "15s",
};
/** The kernel's limit on a socket's path, less the suffix `.ttrpc` that containerd adds. */
const SOCKET_PATH_BYTES_MAX = 107 - ".ttrpc".length;

/** Snapshotters and services that a node does not use, each of which costs time at the start. */
const DISABLED_PLUGINS = [
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs",
  "io.containerd.snapshotter.v1.blockfile",
  "io.containerd.internal.v1.opt",
  "io.containerd.internal.v1.tracing",
  "io.containerd.tracing.processor.v1.otlp",
];

/** Throws when the socket's path would be longer than a socket's path can be. */
export function daemonPaths({ stateDir }: Pick<DaemonOptions, "stateDir">): DaemonPaths {
  const socket = join(stateDir, "containerd.sock");
  if (Buffer.byteLength(socket) > SOCKET_PATH_BYTES_MAX)
    throw new Error(`Cannot use ${stateDir} for containerd: the path of its socket is over 100 bytes`);
  return {
    config: join(stateDir, "containerd.toml"),
    socket,
    log: join(stateDir, "containerd.log"),
    pid: join(stateDir, "containerd.pid"),
  };
}

/** Where runc remembers its containers; by default it would be in /run of the machine, for all nodes together. */
function runcRoot({ stateDir }: DaemonOptions): string {
  return join(stateDir, "runc");
}

/** Version 2 of the format: 1.6 needs it, and 2.x reads it. */
export function daemonConfig(options: DaemonOptions, machine: Machine): string {
  const { socket } = daemonPaths(options);
  const cri = `plugins."io.containerd.grpc.v1.cri"`;
  const sections: readonly [name: string, values: Readonly<Record<string, TomlValue>>][] = [
    [
      "",
      {
        version: 2,
        root: join(options.rootDir, "containerd"),
        state: join(options.stateDir, "containerd"),
        disabled_plugins: DISABLED_PLUGINS,
        oom_score: 0,
      },
    ],
    ["grpc", { address: socket }],
    ["debug", { level: options.logLevel ?? "info" }],
    ["timeouts", SHIM_TIMEOUTS],
    ["cgroup", { path: options.cgroupPath ?? "" }],
    [
      cri,
      {
        sandbox_image: options.sandboxImage ?? PAUSE_IMAGE,
        // Without the capability nobody can be made less likely to be killed than we are.
        restrict_oom_score_adj: !machine.hasSysResource,
        stream_server_address: "127.0.0.1",
        stream_server_port: "0",
        max_concurrent_downloads: options.maxConcurrentDownloads ?? MAX_CONCURRENT_DOWNLOADS,
        // Network namespaces of pods end with the node's folders, not in /run of the machine.
        netns_mounts_under_state_dir: true,
        tolerate_missing_hugetlb_controller: true,
        disable_hugetlb_controller: true,
        enable_unprivileged_ports: true,
        enable_unprivileged_icmp: true,
        // Before 1.7 there is none, and the option is ignored; from 2.0 on it is the default.
        enable_cdi: true,
      },
    ],
    [
      `${cri}.cni`,
      {
        bin_dir: options.cniBinDir ?? CNI_BIN_DIR,
        conf_dir: options.cniConfDir,
        max_conf_num: 1,
        conf_template: options.cniConfTemplate ?? "",
      },
    ],
    [`${cri}.registry`, { config_path: options.registryConfigDir ?? "" }],
    [
      `${cri}.containerd`,
      { snapshotter: machine.hasOverlay ? "overlayfs" : "native", default_runtime_name: "runc" },
    ],
    [`${cri}.containerd.runtimes.runc`, { runtime_type: "io.containerd.runc.v2" }],
    [`${cri}.containerd.runtimes.runc.options`, { SystemdCgroup: false, Root: runcRoot(options) }],
  ];
  return sections.map(([name, values]) => section(name, values)).join("\n");
}

/** `nsenter`, not `ip netns exec`: the latter mounts a fresh /sys, without the cgroups. */
export function daemonCommand(options: DaemonOptions): readonly string[] {
  const command = ["containerd", "--config", daemonPaths(options).config];
  return options.netns === undefined ? command : ["nsenter", `--net=${options.netns}`, "--", ...command];
}

type TomlValue = string | number | boolean | readonly string[];

function section(name: string, values: Readonly<Record<string, TomlValue>>): string {
  // JSON's strings, numbers, booleans and lists of strings are TOML's.
  const lines = Object.entries(values).map(([key, value]) => `${key} = ${JSON.stringify(value)}\n`);
  return (name === "" ? "" : `[${name}]\n`) + lines.join("");
}
