/** What a KubeSchedulerConfiguration must be, in upstream's words. @module */
import { field, isQualifiedName, jsonEqual, parseDuration, type StatusCause } from "#apimachinery";
import { EXTENSION_POINTS } from "../framework/points.ts";
import type { ExtenderConfig, KubeSchedulerConfiguration, LeaderElection, Profile } from "./types.ts";
import { validateArgs } from "./validate-args.ts";

type Causes = readonly StatusCause[];

const API_VERSION = "kubescheduler.config.k8s.io/v1";
const REMOVED_PLUGINS = ["AzureDiskLimits", "CinderLimits", "EBSLimits", "GCEPDLimits"];

export function validateConfiguration(config: KubeSchedulerConfiguration): Causes {
  const { clientConnection, leaderElection, parallelism, profiles, percentageOfNodesToScore } = config;
  const { podInitialBackoffSeconds, podMaxBackoffSeconds, extenders } = config;
  return [
    ...(clientConnection.burst < 0
      ? [field.invalid("clientConnection.burst", clientConnection.burst, "must be non-negative")]
      : []),
    ...validateLeaderElection(leaderElection),
    ...(parallelism <= 0
      ? [field.invalid("parallelism", parallelism, "should be an integer value greater than zero")]
      : []),
    ...profiles.flatMap((_, i) => validateProfile(profiles, i)),
    ...validateCommonQueueSort(profiles),
    ...validatePercentage(percentageOfNodesToScore, "percentageOfNodesToScore"),
    ...(podInitialBackoffSeconds <= 0
      ? [field.invalid("podInitialBackoffSeconds", podInitialBackoffSeconds, "must be greater than 0")]
      : []),
    ...(podMaxBackoffSeconds < podInitialBackoffSeconds
      ? [
          field.invalid(
            "podMaxBackoffSeconds",
            podMaxBackoffSeconds,
            "must be greater than or equal to PodInitialBackoffSeconds",
          ),
        ]
      : []),
    ...validateExtenders(extenders),
  ];
}

function validateLeaderElection(election: LeaderElection): Causes {
  if (!election.leaderElect) return [];
  const { leaseDuration, renewDeadline, retryPeriod, resourceLock } = election;
  const causes: StatusCause[] = [];
  for (const [name, value] of Object.entries({ leaseDuration, renewDeadline, retryPeriod })) {
    if (parseDuration(value) <= 0)
      causes.push(field.invalid(`leaderElection.${name}`, value, "must be greater than zero"));
  }
  if (parseDuration(leaseDuration) <= parseDuration(renewDeadline)) {
    const detail = "must be greater than `RenewDeadline`";
    causes.push(field.invalid("leaderElection.leaseDuration", renewDeadline, detail));
  }
  if (resourceLock !== "leases") {
    const detail = `resourceLock value must be "leases"`;
    causes.push(field.invalid("leaderElection.resourceLock", resourceLock, detail));
  }
  return causes;
}

function validateProfile(profiles: readonly Profile[], i: number): Causes {
  const profile = profiles[i]!;
  const { schedulerName, percentageOfNodesToScore, pluginConfig } = profile;
  const path = field.index("profiles", i);
  const namePath = field.child(path, "schedulerName");
  const first = profiles.findIndex((other) => other.schedulerName === schedulerName);
  return [
    ...(schedulerName === "" ? [field.required(namePath)] : []),
    ...validatePercentage(percentageOfNodesToScore, field.child(path, "percentageOfNodesToScore")),
    ...validateRemoved(profile, path),
    ...pluginConfig.flatMap(({ name, args }, j) => {
      const at = field.index(field.child(path, "pluginConfig"), j);
      const isRepeated = pluginConfig.findIndex((other) => other.name === name) < j;
      return [
        ...(isRepeated ? [field.duplicate(at, name)] : []),
        ...(REMOVED_PLUGINS.includes(name) ? [removed(at, name)] : []),
        ...validateArgs(name, args, field.child(at, "args")),
      ];
    }),
    ...(first < i ? [field.duplicate(namePath, `profiles[${first}].schedulerName`)] : []),
  ];
}

function validateRemoved({ plugins }: Profile, path: string): Causes {
  return EXTENSION_POINTS.flatMap((point) =>
    plugins[point].enabled.flatMap(({ name }, i) =>
      REMOVED_PLUGINS.includes(name)
        ? [removed(field.index(field.child(path, "plugins", point, "enabled"), i), name)]
        : [],
    ),
  );
}

function removed(path: string, name: string): StatusCause {
  const detail = `was invalid in version "${API_VERSION}" (KubeSchedulerConfiguration is version "${API_VERSION}")`;
  return field.invalid(path, name, detail);
}

function validatePercentage(percentage: number | undefined, path: string): Causes {
  if (percentage === undefined || (percentage >= 0 && percentage <= 100)) return [];
  return [field.invalid(path, percentage, "not in valid range [0-100]")];
}

/** There is one queue for all profiles. */
function validateCommonQueueSort(profiles: readonly Profile[]): Causes {
  const [first, ...others] = profiles;
  const canon = first!.plugins.queueSort;
  const name = canon.enabled[0]?.name;
  const argsOf = (profile: Profile): unknown =>
    profile.pluginConfig.find((config) => config.name === name)?.args;
  const causes: StatusCause[] = [];
  if (canon.enabled.length > 1) {
    const detail = "only one queue sort plugin can be enabled";
    causes.push(field.invalid("profiles[0].plugins.queueSort.Enabled", canon.enabled.length, detail));
  }
  for (const [i, profile] of others.entries()) {
    const path = field.index("profiles", i + 1);
    const { queueSort } = profile.plugins;
    if (!jsonEqual(canon, queueSort))
      causes.push(
        field.invalid(
          field.child(path, "plugins", "queueSort"),
          queueSort,
          "must be the same for all profiles",
        ),
      );
    if (name !== undefined && argsOf(profile) !== undefined && !jsonEqual(argsOf(first!), argsOf(profile)))
      causes.push(
        field.invalid(
          field.child(path, "pluginConfig", "args"),
          argsOf(profile),
          "queueSort must be the same for all profiles",
        ),
      );
  }
  return causes;
}

function validateExtenders(extenders: readonly ExtenderConfig[]): Causes {
  const causes: StatusCause[] = [];
  const managed = new Set<string>();
  for (const [i, { prioritizeVerb = "", weight = 0, managedResources = [] }] of extenders.entries()) {
    const path = field.index("extenders", i);
    if (prioritizeVerb !== "" && weight <= 0)
      causes.push(
        field.invalid(field.child(path, "weight"), weight, "must have a positive weight applied to it"),
      );
    for (const [j, { name }] of managedResources.entries()) {
      const at = field.child(field.index(field.child(path, "managedResources"), j), "name");
      causes.push(...validateExtendedResource(name, at));
      if (managed.has(name)) causes.push(field.invalid(at, name, "duplicate extender managed resource name"));
      managed.add(name);
    }
  }
  const binders = extenders.filter(({ bindVerb = "" }) => bindVerb !== "").length;
  if (binders > 1) {
    const found = `found ${binders} extenders implementing bind`;
    causes.push(field.invalid("extenders", found, "only one extender can implement bind"));
  }
  return causes;
}

function validateExtendedResource(name: string, path: string): Causes {
  const messages = isQualifiedName(name);
  if (messages.length > 0) return field.invalidFor(path, name, messages);
  return isExtendedResource(name) ? [] : [field.invalid(path, name, "is an invalid extended resource name")];
}

/** A name with a domain that is not Kubernetes' own. */
export function isExtendedResource(name: string): boolean {
  const isNative = !name.includes("/") || name.includes("kubernetes.io/");
  return !isNative && !name.startsWith("requests.");
}
