/** `--extra-config=apiserver.audit-log-path=/var/log/audit.log`: flags of components, in minikube's notation. @module */
import type { Profile } from "./profile.ts";
import { EXIT, UserError } from "./user-error.ts";

export interface ExtraOption {
  readonly component: string;
  /** Without dashes before it. */
  readonly flag: string;
  readonly value: string;
}

/** The process in which a component runs. */
export const COMPONENT_PROCESSES: Readonly<Record<string, "server" | "agent">> = {
  apiserver: "server",
  "controller-manager": "server",
  scheduler: "server",
  kubelet: "agent",
  proxy: "agent",
};

const OPTION = /^([A-Za-z-]+)\.([a-z][a-z0-9-]*)=(.*)$/s;
/** What `start` chooses itself where it must, and others may choose otherwise. */
const NEGOTIABLE: ReadonlySet<string> = new Set([
  "eviction-hard",
  "image-gc-high-threshold",
  "audit-policy-file",
  "audit-log-path",
  "audit-log-mode",
  "audit-log-maxage",
  "audit-log-maxbackup",
  "audit-log-maxsize",
  "service-account-extend-token-expiration",
]);

export function parseExtraOption(text: string): ExtraOption {
  const [, component = "", flag = "", value = ""] = OPTION.exec(text) ?? [];
  if (component === "") {
    throw refusal(`${JSON.stringify(text)} is not of the form component.flag=value`);
  }
  if (!Object.hasOwn(COMPONENT_PROCESSES, component)) {
    const known = Object.keys(COMPONENT_PROCESSES).join(", ");
    throw refusal(`there is no component ${JSON.stringify(component)}; there are ${known}`);
  }
  return { component, flag, value };
}

/** Those of `more` instead of what the profile had for the same flags. */
export function withExtraConfig(profile: Profile, more: readonly ExtraOption[]): Profile {
  if (more.length === 0) return profile;
  const isReplaced = (old: ExtraOption): boolean =>
    more.some(({ component, flag }) => component === old.component && flag === old.flag);
  const kept = (profile.extraConfig ?? []).filter((old) => !isReplaced(old));
  return { ...profile, extraConfig: [...kept, ...more] };
}

/** What a process gets after its own flags. */
export function extraFlags({ extraConfig = [] }: Profile, process: "server" | "agent"): readonly string[] {
  return extraConfig
    .filter(({ component }) => COMPONENT_PROCESSES[component] === process)
    .map(({ flag, value }) => `--${flag}=${value}`);
}

/** `own`: the command line of the process without extra flags. What it says itself is what the cluster is made of. */
export function refuseOwnFlags(
  options: readonly ExtraOption[],
  process: "server" | "agent",
  own: readonly string[],
): void {
  const names = new Set(own.flatMap((word) => /^--([a-z0-9-]+)/.exec(word)?.[1] ?? []));
  for (const { component, flag } of options) {
    if (COMPONENT_PROCESSES[component] !== process || NEGOTIABLE.has(flag) || !names.has(flag)) continue;
    throw refusal(`k8ts start chooses ${component}.${flag} itself`);
  }
}

export function refusal(why: string): UserError {
  return new UserError(`--extra-config: ${why}`, {
    id: "EXTRA_CONFIG_INVALID",
    exitCode: EXIT.usage,
    fix: "k8ts start --extra-config=apiserver.audit-policy-file=/etc/kubernetes/audit-policy.yaml",
  });
}
