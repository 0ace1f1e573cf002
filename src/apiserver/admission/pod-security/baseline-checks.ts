/** What no pod may do at the level `baseline`. Pure. @module */
import { compareStrings } from "#apimachinery";
import type { Container, LifecycleHandler, Probe, SELinuxOptions } from "#api/core/v1/types.gen";
import {
  containersOf,
  distinct,
  named,
  namesOf,
  plural,
  quoted,
  setters,
  unlessUserNamespace,
  uses,
  type PodCheck,
} from "./containers.ts";

const APP_ARMOR_PREFIX = "container.apparmor.security.beta.kubernetes.io/";
const PROFILES = ["RuntimeDefault", "Localhost"];

function isBad(profile: string | undefined): boolean {
  return profile !== undefined && !PROFILES.includes(profile);
}

export const appArmorProfile: PodCheck = ({ metadata, spec }) => {
  const ofPod = spec.securityContext?.appArmorProfile?.type;
  const bad = containersOf(spec).filter((c) => isBad(c.securityContext?.appArmorProfile?.type));
  const annotations = Object.entries(metadata?.annotations ?? {})
    .filter(([key, value]) => key.startsWith(APP_ARMOR_PREFIX) && !isAllowedAnnotation(value))
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .toSorted(compareStrings);
  const types = [
    ...(isBad(ofPod) ? [ofPod!] : []),
    ...bad.map((c) => c.securityContext!.appArmorProfile!.type),
  ];
  const values = [...distinct(types), ...annotations];
  if (values.length === 0) return undefined;
  const who = [
    setters(isBad(ofPod), namesOf(bad)),
    annotations.length > 0 ? plural("annotation", annotations) : "",
  ];
  return {
    reason: plural("forbidden AppArmor profile", values),
    detail: `${who.filter((part) => part !== "").join(" and ")} must not set AppArmor profile type to ${quoted(values)}`,
  };
};

function isAllowedAnnotation(profile: string): boolean {
  return profile === "" || profile === "runtime/default" || profile.startsWith("localhost/");
}

const CAPABILITIES: ReadonlySet<string> = new Set([
  "AUDIT_WRITE",
  "CHOWN",
  "DAC_OVERRIDE",
  "FOWNER",
  "FSETID",
  "KILL",
  "MKNOD",
  "NET_BIND_SERVICE",
  "SETFCAP",
  "SETGID",
  "SETPCAP",
  "SETUID",
  "SYS_CHROOT",
]);

function added({ securityContext }: Container): readonly string[] {
  return (securityContext?.capabilities?.add ?? []).filter((name) => !CAPABILITIES.has(name));
}

export const capabilitiesBaseline: PodCheck = ({ spec }) => {
  const bad = containersOf(spec).filter((c) => added(c).length > 0);
  if (bad.length === 0) return undefined;
  const list = quoted(distinct(bad.flatMap(added)));
  return {
    reason: "non-default capabilities",
    detail: `${named(namesOf(bad))} must not include ${list} in securityContext.capabilities.add`,
  };
};

export const hostNamespaces: PodCheck = ({ spec }) => {
  const shared = (["hostNetwork", "hostPID", "hostIPC"] as const).filter((name) => spec[name] === true);
  if (shared.length === 0) return undefined;
  return { reason: "host namespaces", detail: shared.map((name) => `${name}=true`).join(", ") };
};

export const hostPathVolumes: PodCheck = ({ spec }) => {
  const bad = (spec.volumes ?? []).filter(({ hostPath }) => hostPath !== undefined);
  if (bad.length === 0) return undefined;
  const names = bad.map(({ name }) => name);
  return { reason: "hostPath volumes", detail: `${plural("volume", names)} ${quoted(names)}` };
};

function portsOf({ ports = [] }: Container): readonly string[] {
  return ports.flatMap(({ hostPort = 0 }) => (hostPort === 0 ? [] : [String(hostPort)]));
}

export const hostPorts: PodCheck = ({ spec }) => {
  const bad = containersOf(spec).filter((c) => portsOf(c).length > 0);
  if (bad.length === 0) return undefined;
  const ports = distinct(bad.flatMap(portsOf));
  const names = namesOf(bad);
  return {
    reason: "hostPort",
    detail: `${named(names)} ${uses(names)} ${plural("hostPort", ports)} ${ports.join(", ")}`,
  };
};

export const hostProbesAndHostLifecycle: PodCheck = ({ spec }) => {
  const bad = containersOf(spec).filter((c) => hostsOf(c).length > 0);
  if (bad.length === 0) return undefined;
  const hosts = distinct(bad.flatMap(hostsOf));
  const names = distinct(namesOf(bad));
  return {
    reason: "probe or lifecycle host",
    detail: `${named(names)} ${uses(names)} ${plural("probe or lifecycle host", hosts)} ${quoted(hosts)}`,
  };
};

function hostsOf({ livenessProbe, readinessProbe, startupProbe, lifecycle }: Container): readonly string[] {
  const handlers: readonly (Probe | LifecycleHandler | undefined)[] = [
    livenessProbe,
    readinessProbe,
    startupProbe,
    lifecycle?.postStart,
    lifecycle?.preStop,
  ];
  return handlers
    .flatMap((handler) => [handler?.httpGet?.host ?? "", handler?.tcpSocket?.host ?? ""])
    .filter((host) => host !== "");
}

export const privileged: PodCheck = ({ spec }) => {
  const bad = containersOf(spec).filter((c) => c.securityContext?.privileged === true);
  if (bad.length === 0) return undefined;
  return {
    reason: "privileged",
    detail: `${named(namesOf(bad))} must not set securityContext.privileged=true`,
  };
};

function mountOf({ securityContext }: Container): string {
  return securityContext?.procMount ?? "Default";
}

export const procMount: PodCheck = ({ spec }) => {
  const bad = containersOf(spec).filter((c) => mountOf(c) !== "Default");
  if (bad.length === 0) return undefined;
  const types = quoted(distinct(bad.map(mountOf)));
  return {
    reason: "procMount",
    detail: `${named(namesOf(bad))} must not set securityContext.procMount to ${types}`,
  };
};

export const procMountUserNamespace: PodCheck = unlessUserNamespace(procMount);

const SECCOMP_POD = "seccomp.security.alpha.kubernetes.io/pod";
const SECCOMP_CONTAINER = "container.seccomp.security.alpha.kubernetes.io/";

/** Before seccomp profiles were fields. */
export const seccompAnnotations: PodCheck = ({ metadata, spec }) => {
  const annotations = metadata?.annotations ?? {};
  const keys = [SECCOMP_POD, ...containersOf(spec).map(({ name }) => SECCOMP_CONTAINER + name)];
  const bad = distinct(
    keys
      .filter((key) => annotations[key] !== undefined && !isAllowedSeccomp(annotations[key]))
      .map((key) => `${key}=${JSON.stringify(annotations[key])}`),
  );
  if (bad.length === 0) return undefined;
  return {
    reason: "seccompProfile",
    detail: `forbidden ${plural("annotation", bad)} ${bad.join(", ")}`,
  };
};

function isAllowedSeccomp(value: string): boolean {
  return value === "runtime/default" || value === "docker/default" || value.startsWith("localhost/");
}

/** Shared with `restricted`, which also wants a profile to be set. */
export const seccompProfile: PodCheck = ({ spec }) => {
  const ofPod = spec.securityContext?.seccompProfile?.type;
  const bad = containersOf(spec).filter((c) => isBad(c.securityContext?.seccompProfile?.type));
  const types = [
    ...(isBad(ofPod) ? [ofPod!] : []),
    ...bad.map((c) => c.securityContext!.seccompProfile!.type),
  ];
  if (types.length === 0) return undefined;
  const who = setters(isBad(ofPod), namesOf(bad));
  return {
    reason: "seccompProfile",
    detail: `${who} must not set securityContext.seccompProfile.type to ${quoted(distinct(types))}`,
  };
};

const SELINUX_TYPES = ["", "container_t", "container_init_t", "container_kvm_t"];

export const seLinuxOptions: PodCheck = seLinux(SELINUX_TYPES);
export const seLinuxOptions31: PodCheck = seLinux([...SELINUX_TYPES, "container_engine_t"]);

function seLinux(allowed: readonly string[]): PodCheck {
  const isWrong = (options: SELinuxOptions | undefined): boolean => isWrongSELinux(allowed, options);
  return ({ spec }) => {
    const ofPod = spec.securityContext?.seLinuxOptions;
    const containers = containersOf(spec).filter((c) => isWrong(c.securityContext?.seLinuxOptions));
    const bad = [
      ...(isWrong(ofPod) ? [ofPod!] : []),
      ...containers.map((c) => c.securityContext!.seLinuxOptions!),
    ];
    if (bad.length === 0) return undefined;
    const types = distinct(bad.map(({ type = "" }) => type).filter((type) => !allowed.includes(type)));
    const data = [
      ...(types.length > 0 ? [`${plural("type", types)} ${quoted(types)}`] : []),
      ...(bad.some(({ user }) => Boolean(user)) ? ["user may not be set"] : []),
      ...(bad.some(({ role }) => Boolean(role)) ? ["role may not be set"] : []),
    ];
    const who = setters(isWrong(ofPod), namesOf(containers));
    return {
      reason: "seLinuxOptions",
      detail: `${who} set forbidden securityContext.seLinuxOptions: ${data.join("; ")}`,
    };
  };
}

function isWrongSELinux(allowed: readonly string[], options: SELinuxOptions | undefined): boolean {
  if (options === undefined) return false;
  return !allowed.includes(options.type ?? "") || Boolean(options.user) || Boolean(options.role);
}

const SYSCTLS = [
  "kernel.shm_rmid_forced",
  "net.ipv4.ip_local_port_range",
  "net.ipv4.tcp_syncookies",
  "net.ipv4.ping_group_range",
  "net.ipv4.ip_unprivileged_port_start",
];
const SYSCTLS_27 = [...SYSCTLS, "net.ipv4.ip_local_reserved_ports"];
const SYSCTLS_29 = [
  ...SYSCTLS_27,
  "net.ipv4.tcp_keepalive_time",
  "net.ipv4.tcp_fin_timeout",
  "net.ipv4.tcp_keepalive_intvl",
  "net.ipv4.tcp_keepalive_probes",
];
const SYSCTLS_32 = [...SYSCTLS_29, "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"];

export const sysctls: PodCheck = onlySysctls(SYSCTLS);
export const sysctls27: PodCheck = onlySysctls(SYSCTLS_27);
export const sysctls29: PodCheck = onlySysctls(SYSCTLS_29);
export const sysctls32: PodCheck = onlySysctls(SYSCTLS_32);

function onlySysctls(allowed: readonly string[]): PodCheck {
  return ({ spec }) => {
    const bad = (spec.securityContext?.sysctls ?? [])
      .map(({ name }) => name)
      .filter((name) => !allowed.includes(name));
    return bad.length === 0 ? undefined : { reason: "forbidden sysctls", detail: bad.join(", ") };
  };
}

export const windowsHostProcess: PodCheck = ({ spec }) => {
  const byPod = spec.securityContext?.windowsOptions?.hostProcess === true;
  const bad = containersOf(spec).filter((c) => c.securityContext?.windowsOptions?.hostProcess === true);
  if (!byPod && bad.length === 0) return undefined;
  return {
    reason: "hostProcess",
    detail: `${setters(byPod, namesOf(bad))} must not set securityContext.windowsOptions.hostProcess=true`,
  };
};
