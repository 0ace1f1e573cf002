/** Which plugins run at which extension point, from a profile's `plugins`. Upstream's `expandMultiPointPlugins`. @module */
import { quote } from "#apimachinery";
import type { PluginRef, Plugins } from "../config/types.ts";
import type { Plugin } from "./plugin.ts";

export const EXTENSION_POINTS = [
  "preEnqueue",
  "queueSort",
  "preFilter",
  "filter",
  "postFilter",
  "preScore",
  "score",
  "reserve",
  "permit",
  "preBind",
  "bind",
  "postBind",
] as const;

export type ExtensionPoint = (typeof EXTENSION_POINTS)[number];

export interface PluginsByPoint {
  readonly plugins: Readonly<Record<ExtensionPoint, readonly Plugin[]>>;
  /** Of plugins that score, by name. */
  readonly weights: ReadonlyMap<string, number>;
}

export interface WeightedPlugin {
  readonly plugin: Plugin;
  /** 0 for plugins that do not score. */
  readonly weight: number;
}

const IMPLEMENTED_BY: Readonly<Record<ExtensionPoint, (plugin: Plugin) => boolean>> = {
  preEnqueue: (plugin) => plugin.preEnqueue !== undefined,
  queueSort: (plugin) => plugin.less !== undefined,
  preFilter: (plugin) => plugin.preFilter !== undefined,
  filter: (plugin) => plugin.filter !== undefined,
  postFilter: (plugin) => plugin.postFilter !== undefined,
  preScore: (plugin) => plugin.preScore !== undefined,
  score: (plugin) => plugin.score !== undefined,
  reserve: (plugin) => plugin.reserve !== undefined || plugin.unreserve !== undefined,
  permit: (plugin) => plugin.permit !== undefined,
  preBind: (plugin) => plugin.preBind !== undefined,
  bind: (plugin) => plugin.bind !== undefined,
  postBind: (plugin) => plugin.postBind !== undefined,
};

/** Every plugin wherever it can be. */
export function everywhere(list: readonly WeightedPlugin[]): PluginsByPoint {
  const plugins = Object.fromEntries(
    EXTENSION_POINTS.map((point) => [
      point,
      list.filter(({ plugin }) => IMPLEMENTED_BY[point](plugin)).map(({ plugin }) => plugin),
    ]),
  ) as unknown as Record<ExtensionPoint, readonly Plugin[]>;
  const scoring = list.filter(({ weight }) => weight > 0);
  plugins.score = plugins.score.filter((plugin) => scoring.some((other) => other.plugin === plugin));
  return { plugins, weights: new Map(scoring.map(({ plugin, weight }) => [plugin.name, weight])) };
}

/** Throws what is wrong with the profile, in upstream's words. */
export function pluginsByPoint(
  config: Plugins,
  byName: ReadonlyMap<string, Plugin>,
  schedulerName: string,
): PluginsByPoint {
  const plugins = Object.fromEntries(
    EXTENSION_POINTS.map((point) => [point, pluginsOf(point, config, byName)]),
  ) as unknown as Record<ExtensionPoint, readonly Plugin[]>;
  const { queueSort, bind } = plugins;
  const ofProfile = `profile with scheduler name ${quote(schedulerName)}`;
  if (queueSort.length !== 1)
    throw new Error(`only one queue sort plugin required for ${ofProfile}, but got ${queueSort.length}`);
  if (bind.length === 0) throw new Error(`at least one bind plugin is needed for ${ofProfile}`);
  return { plugins, weights: weightsOf([...config.score.enabled, ...config.multiPoint.enabled]) };
}

/**
 * First those that are enabled both here and at all points, in their order here; then the other ones enabled here; then those
 * enabled at all points.
 */
function pluginsOf(
  point: ExtensionPoint,
  config: Plugins,
  byName: ReadonlyMap<string, Plugin>,
): readonly Plugin[] {
  const { enabled, disabled } = config[point];
  const own = enabled.map(({ name }) => {
    const plugin = byName.get(name);
    if (plugin === undefined) throw new Error(`${typeName(point)} ${quote(name)} does not exist`);
    if (!IMPLEMENTED_BY[point](plugin))
      throw new Error(`plugin ${quote(name)} does not extend ${typeName(point)} plugin`);
    return plugin;
  });
  refuseTwice(own, point);
  const isDisabled = (name: string): boolean => disabled.some((ref) => ref.name === name || ref.name === "*");
  if (disabled.some(({ name }) => name === "*")) return own;
  const everyPoint = config.multiPoint.enabled.flatMap(({ name }) => {
    const plugin = byName.get(name);
    if (plugin === undefined) throw new Error(`${typeName(point)} ${quote(name)} does not exist`);
    return IMPLEMENTED_BY[point](plugin) && !isDisabled(name) ? [plugin] : [];
  });
  const overriding = own.filter((plugin) => everyPoint.includes(plugin));
  const others = own.filter((plugin) => !everyPoint.includes(plugin));
  const rest = everyPoint.filter((plugin) => !own.includes(plugin));
  refuseTwice(rest, point);
  return [...overriding, ...others, ...rest];
}

function refuseTwice(plugins: readonly Plugin[], point: ExtensionPoint): void {
  const twice = plugins.find((plugin, i) => plugins.indexOf(plugin) !== i);
  if (twice !== undefined)
    throw new Error(`plugin ${quote(twice.name)} already registered as ${quote(typeName(point))}`);
}

/** Upstream's name of the interface. */
function typeName(point: ExtensionPoint): string {
  return `${point[0]!.toUpperCase()}${point.slice(1)}Plugin`;
}

/** The first one says; none is one. */
function weightsOf(refs: readonly PluginRef[]): ReadonlyMap<string, number> {
  const weights = new Map<string, number>();
  for (const { name, weight } of refs)
    if (!weights.has(name)) weights.set(name, weight === undefined || weight === 0 ? 1 : weight);
  const total = weights.values().reduce((sum, weight) => sum + weight * MAX_SCORE, 0);
  if (total > MAX_TOTAL_SCORE) throw new Error("score plugins: total score of Score plugins could overflow");
  return weights;
}

/** Upstream's MaxNodeScore and MaxTotalScore. */
const MAX_SCORE = 100;
const MAX_TOTAL_SCORE = Number.MAX_SAFE_INTEGER;
