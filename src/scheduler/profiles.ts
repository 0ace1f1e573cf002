/** The profiles of the configuration: for every scheduler name a framework with plugins of its own. @module */
import { messageOf, quote } from "#apimachinery";
import type { PodInfo } from "./cache/pod-info.ts";
import type { SchedulerCache } from "./cache/scheduler-cache.ts";
import { enabledNames } from "./config/default-plugins.ts";
import type { KubeSchedulerConfiguration, NodeResourcesFitArgs, Plugins, Profile } from "./config/types.ts";
import type { Extender } from "./extender/extender.ts";
import { NodeFinder } from "./find-node.ts";
import type { ClusterEvent, EventResource } from "./framework/cluster-event.ts";
import { Framework } from "./framework/framework.ts";
import type { Handle, PluginRegistry } from "./framework/handle.ts";
import type { Plugin } from "./framework/plugin.ts";
import { pluginsByPoint, type WeightedPlugin } from "./framework/points.ts";
import type { WaitingPods } from "./framework/waiting-pods.ts";
import type { SchedulerMetrics } from "./metrics.ts";
import { newInTreeRegistry } from "./plugins/index.ts";
import type { NominatedPods } from "./preemption/nominated-pods.ts";
import type { SchedulerOptions } from "./run-scheduler.ts";
import type { ProfileParts } from "./scheduler.ts";

/** What all profiles share. */
export interface Shared {
  readonly cache: SchedulerCache;
  readonly nominated: NominatedPods;
  readonly waitingPods: WaitingPods;
  readonly extenders: readonly Extender[];
  readonly activate: (uids: Iterable<string>) => void;
}

export class Profiles {
  readonly byName: ReadonlyMap<string, ProfileParts>;
  /** Its QueueSort is that of all. */
  readonly first: ProfileParts;
  /** By the names of the plugins of the first profile. */
  readonly #concerned = new Map<string, readonly string[]>();

  constructor(byName: ReadonlyMap<string, ProfileParts>) {
    this.byName = byName;
    this.first = byName.values().next().value!;
  }

  of({ pod }: PodInfo): ProfileParts | undefined {
    return this.byName.get(pod.spec?.schedulerName ?? "");
  }

  isOfInterest(resource: EventResource): boolean {
    return this.byName.values().some(({ framework }) => framework.isOfInterest(resource));
  }

  /** The plugins of any profile that such events concern. */
  concerned(event: ClusterEvent): readonly string[] {
    if (this.byName.size === 1) return this.first.framework.concerned(event);
    const key = `${event.resource}/${event.action}/${event.changes?.join() ?? ""}`;
    let names = this.#concerned.get(key);
    if (names === undefined) {
      const all = [...this.byName.values()].flatMap(({ framework }) => framework.concerned(event));
      names = [...new Set(all)];
      this.#concerned.set(key, names);
    }
    return names;
  }
}

/** Throws what is wrong, with the name of the profile or the plugin. */
export function newProfiles(
  config: KubeSchedulerConfiguration,
  options: SchedulerOptions,
  shared: Shared,
  metrics: SchedulerMetrics,
): Profiles {
  const registry = mergedRegistry(options.registry ?? {}, options.plugins ?? []);
  const ignored = config.extenders.flatMap(({ managedResources = [] }) =>
    managedResources.filter(({ ignoredByScheduler }) => ignoredByScheduler === true).map(({ name }) => name),
  );
  const byName = new Map<string, ProfileParts>();
  for (const profile of config.profiles) {
    const complete = withIgnored(withMore(profile, options.plugins ?? []), ignored);
    const percentageOfNodesToScore = profile.percentageOfNodesToScore ?? config.percentageOfNodesToScore;
    byName.set(
      profile.schedulerName,
      newProfile(complete, registry, options, shared, metrics, percentageOfNodesToScore),
    );
  }
  return new Profiles(byName);
}

function mergedRegistry(outOfTree: PluginRegistry, more: readonly WeightedPlugin[]): PluginRegistry {
  const registry: Record<string, PluginRegistry[string]> = { ...newInTreeRegistry() };
  const given = more.map(({ plugin }) => [plugin.name, () => plugin] as const);
  for (const [name, factory] of [...Object.entries(outOfTree), ...given]) {
    if (Object.hasOwn(registry, name)) throw new Error(`a plugin named ${name} already exists`);
    registry[name] = factory;
  }
  return registry;
}

function withMore(profile: Profile, more: readonly WeightedPlugin[]): Profile {
  if (more.length === 0) return profile;
  const { multiPoint, score } = profile.plugins;
  const enabled = more.map(({ plugin, weight }) => ({ name: plugin.name, weight }));
  // as documented for this option, weight 0 means that the plugin does not score
  const unscored = enabled.filter(({ weight }) => weight === 0).map(({ name }) => ({ name }));
  const plugins: Plugins = {
    ...profile.plugins,
    multiPoint: { ...multiPoint, enabled: [...multiPoint.enabled, ...enabled] },
    score: { ...score, disabled: [...score.disabled, ...unscored] },
  };
  return { ...profile, plugins };
}

/** Resources that an extender counts are none of NodeResourcesFit's business. */
function withIgnored(profile: Profile, ignored: readonly string[]): Profile {
  if (ignored.length === 0) return profile;
  const pluginConfig = profile.pluginConfig.map((config) => {
    if (config.name !== "NodeResourcesFit") return config;
    const args = config.args as NodeResourcesFitArgs;
    return { ...config, args: { ...args, ignoredResources: [...args.ignoredResources, ...ignored] } };
  });
  return { ...profile, pluginConfig };
}

function newProfile(
  profile: Profile,
  registry: PluginRegistry,
  options: SchedulerOptions,
  shared: Shared,
  metrics: SchedulerMetrics,
  percentageOfNodesToScore: number,
): ProfileParts {
  const { random, clock } = options;
  const { nominated, extenders } = shared;
  const handle: Handle = {
    ...options,
    ...shared,
    metrics: options.metrics,
    profileName: profile.schedulerName,
    snapshot: shared.cache,
    fits: (cycle, pod, node) => finder.fits(cycle, pod, node),
    put: (cycle, pod, other, node) => finder.put(cycle, pod, other, node),
    take: (cycle, pod, other, node) => finder.take(cycle, pod, other, node),
  };
  const byName = new Map<string, Plugin>();
  for (const name of enabledNames(profile.plugins)) {
    const factory = registry[name];
    if (factory === undefined) continue; // said below, with the extension point
    const args = profile.pluginConfig.find((config) => config.name === name)?.args;
    try {
      byName.set(name, factory(args, handle));
    } catch (cause) {
      const why = messageOf(cause);
      throw new Error(`initializing plugin ${quote(name)}: ${why}`, { cause });
    }
  }
  const points = pluginsByPoint(profile.plugins, byName, profile.schedulerName);
  const framework = new Framework(points, { profileName: profile.schedulerName, metrics, clock });
  const finder: NodeFinder = new NodeFinder(framework, nominated, random, {
    percentageOfNodesToScore,
    metrics,
    extenders,
  });
  return { framework, finder };
}
