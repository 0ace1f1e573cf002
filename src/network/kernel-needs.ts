/**
 * What a node's network needs of the kernel, found by trying in a network namespace that ends with the try. Most modules are
 * loaded by the kernel itself when they are used; those that are not, or that are missing, are told by name.
 * @module
 */
import { tryCommand } from "#component-base";

export interface KernelNeed {
  /** Unique. */
  readonly name: string;
  readonly what: string;
  /** Loaded in this order; none: no module helps. */
  readonly modules: readonly string[];
  /** Succeeds, in a namespace of its own, if it is there. */
  readonly probe: Probe;
  /** What is worse without; absent: nothing works. */
  readonly without?: string;
}

/** A command of a shell, arguments of `ip`, or what nft is to add to a table `k8ts` of IPv4. */
export type Probe = Readonly<Record<"sh", string> | Record<"ip", string> | Record<"nft", string>>;

export interface KernelTools {
  /** Runs the script in a network namespace of its own; resolves with its output. Rejects when there can be none. */
  inNewNamespace(script: string, signal: AbortSignal): Promise<string>;
  /** Whether the module is there now. */
  load(module: string, signal: AbortSignal): Promise<boolean>;
}

const TABLE = "add table ip k8ts;";
/** Said by a script that does not know of which. */
const SOMETHING = "something";

export const KERNEL_NEEDS: readonly KernelNeed[] = [
  {
    name: "ip_forward",
    what: "forwarding of packets: /proc/sys/net/ipv4/ip_forward cannot be set",
    modules: [],
    probe: { sh: "echo 1 >/proc/sys/net/ipv4/ip_forward" },
  },
  {
    name: "veth",
    what: "pairs of interfaces",
    modules: ["veth"],
    probe: { ip: "link add k8ts-0 type veth peer name k8ts-1" },
  },
  { name: "bridge", what: "bridges", modules: ["bridge"], probe: { ip: "link add k8ts-2 type bridge" } },
  {
    name: "br_netfilter",
    what: "rules for packets of bridges, which Services and network policies between pods of one node need",
    modules: ["br_netfilter"],
    probe: { sh: "test -e /proc/sys/net/bridge/bridge-nf-call-iptables" },
  },
  { name: "nf_tables", what: "nftables", modules: ["nf_tables"], probe: { nft: "" } },
  {
    name: "nf_conntrack",
    what: "connection tracking in nftables",
    modules: ["nf_conntrack", "nft_ct"],
    probe: { nft: "add chain ip k8ts c; add rule ip k8ts c ct state new ct status dnat;" },
  },
  {
    name: "nft_nat",
    what: "translation of addresses in nftables",
    modules: ["nf_nat", "nft_chain_nat", "nft_nat", "nft_masq"],
    probe: {
      nft: "add chain ip k8ts n { type nat hook postrouting priority 100; }; add rule ip k8ts n masquerade fully-random;",
    },
  },
  {
    name: "nft_numgen",
    what: "random choice in nftables",
    modules: ["nft_numgen"],
    probe: { nft: "add chain ip k8ts r; add rule ip k8ts r meta mark set numgen random mod 2;" },
  },
  {
    name: "nft_fib",
    what: "questions for local addresses in nftables",
    modules: ["nft_fib", "nft_fib_ipv4"],
    probe: {
      nft: "add chain ip k8ts f { type filter hook input priority 0; }; add rule ip k8ts f fib daddr type local;",
    },
  },
  {
    name: "nft_reject",
    what: "refusals in nftables",
    modules: ["nft_reject", "nft_reject_ipv4"],
    probe: { nft: "add chain ip k8ts j { type filter hook input priority 0; }; add rule ip k8ts j reject;" },
  },
  {
    name: "vxlan",
    what: "VXLAN",
    modules: ["vxlan"],
    probe: { ip: "link add k8ts-3 type vxlan id 1 dstport 8472" },
    without: "pods do not reach nodes behind a router",
  },
  {
    name: "overlay",
    what: "the file system overlay",
    modules: ["overlay"],
    probe: { sh: "grep -qw overlay /proc/filesystems" },
    without: "images are copied for every container",
  },
];

export const systemKernelTools: KernelTools = {
  async inNewNamespace(script, signal) {
    const { code, stdout, stderr } = await tryCommand(
      ["unshare", "--net", "--", "sh", "-c", script],
      {},
      signal,
    );
    if (code !== 0) throw new Error(`Making a network namespace failed: ${stderr.trim()}`);
    return stdout;
  },
  load: async (module, signal) =>
    tryCommand(["modprobe", module], {}, signal).then(
      ({ code }) => code === 0,
      (err: NodeJS.ErrnoException) => {
        if (err.code === "ENOENT") return false; // a system without loadable modules
        throw err;
      },
    ),
};

/** Those that are not there, after their modules were asked for. */
export async function missingInKernel(
  tools: KernelTools,
  signal: AbortSignal,
  needs: readonly KernelNeed[] = KERNEL_NEEDS,
): Promise<readonly KernelNeed[]> {
  const missing = await failing(tools, needs, signal);
  if (missing.length === 0) return [];
  for (const { modules } of missing) for (const module of modules) await tools.load(module, signal);
  return failing(tools, missing, signal);
}

async function failing(
  tools: KernelTools,
  needs: readonly KernelNeed[],
  signal: AbortSignal,
): Promise<readonly KernelNeed[]> {
  // nearly always all of it is there, and a few processes find that out
  if ((await tools.inNewNamespace(atOnce(needs), signal)) === "") return [];
  const lines = needs.map(({ name, probe }) => `{ ${commandOf(probe)}; } >/dev/null 2>&1 || echo ${name}`);
  const names = (await tools.inNewNamespace(`${lines.join("\n")}\nexit 0`, signal)).split("\n");
  return needs.filter(({ name }) => names.includes(name));
}

function atOnce(needs: readonly KernelNeed[]): string {
  const probes = needs.map(({ probe }) => probe);
  const commands = probes.flatMap((probe) => ("sh" in probe ? probe.sh : []));
  const ip = probes.flatMap((probe) => ("ip" in probe ? `${probe.ip}\n` : []));
  const nft = probes.flatMap((probe) => ("nft" in probe ? probe.nft : []));
  if (ip.length > 0) commands.push(`printf '${ip.join("")}' | ip -batch -`);
  if (nft.length > 0) commands.push(commandOf({ nft: nft.join(" ") }));
  return `{ ${commands.join(" && ")}; } >/dev/null 2>&1 || echo ${SOMETHING}`;
}

function commandOf(probe: Probe): string {
  if ("sh" in probe) return probe.sh;
  return "ip" in probe ? `ip ${probe.ip}` : `nft '${TABLE} ${probe.nft}'`;
}

/** One line. */
export function lackOf({ what, without }: KernelNeed): string {
  return `this machine's kernel lacks ${what}${without === undefined ? "" : `: ${without}`}`;
}

/** What to type; an administrator keeps modules by a file in `/etc/modules-load.d`. */
export function remedyOf({ modules, name }: KernelNeed): string {
  return modules.length > 0 ? `modprobe --all ${modules.join(" ")}` : `sysctl -w net.ipv4.${name}=1`;
}
