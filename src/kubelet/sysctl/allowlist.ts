/** Which kernel settings pods may ask for: the safe ones, and what the administrator adds. Pure; rules and words are upstream's. @module */
import type { Pod } from "#api/core/v1/types.gen";

type Namespace = "IPC" | "Net";

/** Judges a pod; undefined: all that it asks for is allowed. */
export type SysctlAllowlist = (pod: Pod) => string | undefined;

/** Sysctls that belong to a pod's own namespaces and cannot hurt its neighbours. */
const SAFE_SYSCTLS: readonly string[] = [
  "kernel.shm_rmid_forced",
  "net.ipv4.ip_local_port_range",
  "net.ipv4.ip_local_reserved_ports",
  "net.ipv4.ip_unprivileged_port_start",
  "net.ipv4.ping_group_range",
  "net.ipv4.tcp_fin_timeout",
  "net.ipv4.tcp_keepalive_intvl",
  "net.ipv4.tcp_keepalive_probes",
  "net.ipv4.tcp_keepalive_time",
  "net.ipv4.tcp_rmem",
  "net.ipv4.tcp_syncookies",
  "net.ipv4.tcp_wmem",
];
const IPC_SYSCTLS: ReadonlySet<string> = new Set([
  "kernel.msg",
  "kernel.msgmax",
  "kernel.msgmnb",
  "kernel.msgmni",
  "kernel.sem",
  "kernel.shm",
  "kernel.shm_rmid_forced",
  "kernel.shmall",
  "kernel.shmmax",
  "kernel.shmmni",
]);
const LENGTH_MAX = 253;
const SEGMENT = "[a-z0-9]([-_a-z0-9]*[a-z0-9])?";
const PATTERN = `(${SEGMENT}[\\./])*([a-z0-9][-_a-z0-9]*)?[a-z0-9*]`;

/** `unsafe` are names, or prefixes that end in `*`; each must have passed `sysctlPatternError`. */
export function sysctlAllowlist(unsafe: readonly string[] = []): SysctlAllowlist {
  const names = new Map<string, Namespace>();
  const prefixes: (readonly [string, Namespace])[] = [];
  for (const pattern of [...SAFE_SYSCTLS, ...unsafe]) {
    const { namespace, prefix, isPrefix } = parsePattern(pattern);
    if (namespace === undefined) continue;
    if (isPrefix) prefixes.push([prefix, namespace]);
    else names.set(prefix, namespace);
  }
  return ({ spec }) => {
    for (const { name } of spec?.securityContext?.sysctls ?? []) {
      const sysctl = normalized(name);
      const namespace = names.get(sysctl) ?? prefixes.find(([prefix]) => sysctl.startsWith(prefix))?.[1];
      const text = JSON.stringify(sysctl);
      if (namespace === undefined) return `forbidden sysctl: ${text} not allowlisted`;
      const isShared = namespace === "IPC" ? spec?.hostIPC === true : spec?.hostNetwork === true;
      if (isShared) return `forbidden sysctl: ${text} not allowed with host ${namespace} enabled`;
    }
    return undefined;
  };
}

/** Why this cannot be allowed. */
export function sysctlPatternError(pattern: string): string | undefined {
  const text = JSON.stringify(pattern);
  if (pattern.length > LENGTH_MAX || !new RegExp(`^${PATTERN}$`, "u").test(pattern))
    return `sysctl ${text} must have at most ${LENGTH_MAX} characters and match regex ${PATTERN}`;
  const { namespace, prefix } = parsePattern(pattern);
  if (namespace !== undefined) return undefined;
  return `the sysctls ${JSON.stringify(prefix)} are not known to be namespaced`;
}

function parsePattern(pattern: string): {
  readonly namespace: Namespace | undefined;
  readonly prefix: string;
  readonly isPrefix: boolean;
} {
  const name = normalized(pattern);
  const star = name.indexOf("*");
  const prefix = star === -1 ? name : name.slice(0, star);
  return { namespace: namespaceOf(prefix), prefix, isPrefix: star !== -1 };
}

function namespaceOf(name: string): Namespace | undefined {
  if (IPC_SYSCTLS.has(name) || name.startsWith("fs.mqueue.")) return "IPC";
  return name.startsWith("net.") ? "Net" : undefined;
}

/** `net/ipv4/conf/eno2.100/rp_filter` -> `net.ipv4.conf.eno2/100.rp_filter`. */
function normalized(name: string): string {
  if (/[./]/u.exec(name)?.[0] !== "/") return name;
  return name.replaceAll(/[./]/gu, (separator) => (separator === "." ? "/" : "."));
}
