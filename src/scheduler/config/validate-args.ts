/** What the arguments of upstream's plugins must be, in its words. @module */
import type { NodeAffinity, TopologySpreadConstraint } from "#api/core/v1/types.gen";
import { validateNodeSelector, validateNodeSelectorTerm } from "#api/validation/node-selector";
import { field, parseDuration, validateLabelName, type StatusCause } from "#apimachinery";
import type {
  DefaultPreemptionArgs,
  DynamicResourcesArgs,
  InterPodAffinityArgs,
  NodeAffinityArgs,
  NodeResourcesBalancedAllocationArgs,
  NodeResourcesFitArgs,
  PodTopologySpreadArgs,
  ResourceSpec,
  ScoringStrategy,
  UtilizationShapePoint,
  VolumeBindingArgs,
} from "./types.ts";

type Causes = readonly StatusCause[];

/** The arguments of a plugin that is not upstream's are its own affair. */
export function validateArgs(plugin: string, args: unknown, path: string): Causes {
  return VALIDATORS[plugin]?.(args as never, path) ?? [];
}

const VALIDATORS: Readonly<Record<string, (args: never, path: string) => Causes>> = {
  DefaultPreemption: validateDefaultPreemption,
  InterPodAffinity: ({ hardPodAffinityWeight }: InterPodAffinityArgs, path) =>
    inRange(hardPodAffinityWeight, 0, 100, field.child(path, "hardPodAffinityWeight")),
  NodeAffinity: ({ addedAffinity }: NodeAffinityArgs, path) =>
    addedAffinity === undefined ? [] : validateAdded(addedAffinity, field.child(path, "addedAffinity")),
  NodeResourcesBalancedAllocation: validateBalancedAllocation,
  NodeResourcesFit: validateFit,
  PodTopologySpread: validateSpread,
  VolumeBinding: validateVolumeBinding,
  DynamicResources: validateDynamicResources,
};

function validateDefaultPreemption(args: DefaultPreemptionArgs, path: string): Causes {
  const { minCandidateNodesPercentage: percentage, minCandidateNodesAbsolute: absolute } = args;
  const percentagePath = field.child(path, "minCandidateNodesPercentage");
  const absolutePath = field.child(path, "minCandidateNodesAbsolute");
  const both = "cannot be zero at the same time as";
  return [
    ...inRange(percentage, 0, 100, percentagePath),
    ...(absolute < 0 ? [field.invalid(absolutePath, absolute, "not in valid range [0, inf)")] : []),
    ...(percentage === 0 && absolute === 0
      ? [
          field.invalid(percentagePath, 0, `${both} minCandidateNodesAbsolute`),
          field.invalid(absolutePath, 0, `${both} minCandidateNodesPercentage`),
        ]
      : []),
  ];
}

function validateAdded(affinity: NodeAffinity, path: string): Causes {
  const required = affinity.requiredDuringSchedulingIgnoredDuringExecution;
  const requiredPath = field.child(path, "requiredDuringSchedulingIgnoredDuringExecution");
  const preferredPath = field.child(path, "preferredDuringSchedulingIgnoredDuringExecution");
  const preferred = affinity.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  return [
    ...(required === undefined ? [] : validateNodeSelector(required, requiredPath)),
    ...preferred.flatMap(({ preference }, i) =>
      validateNodeSelectorTerm(preference, field.index(preferredPath, i), false),
    ),
  ];
}

function validateBalancedAllocation(
  { resources }: NodeResourcesBalancedAllocationArgs,
  path: string,
): Causes {
  return resources.flatMap(({ name, weight }, i) => {
    const at = field.index(field.child(path, "resources"), i);
    const isRepeated = resources.findIndex((other) => other.name === name) < i;
    return [
      ...(isRepeated ? [field.duplicate(field.child(at, "name"), name)] : []),
      ...(weight === 1 ? [] : [field.invalid(field.child(at, "weight"), weight, "must be 1")]),
    ];
  });
}

function validateFit(args: NodeResourcesFitArgs, path: string): Causes {
  const { ignoredResources, ignoredResourceGroups, scoringStrategy } = args;
  return [
    ...ignoredResources.flatMap((name, i) =>
      validateLabelName(name, field.index(field.child(path, "ignoredResources"), i)),
    ),
    ...ignoredResourceGroups.flatMap((group, i) => {
      const at = field.index(field.child(path, "ignoredResourceGroups"), i);
      const hasSlash = group.includes("/");
      return [
        ...(hasSlash ? [field.invalid(at, group, "resource group name can't contain '/'")] : []),
        ...validateLabelName(group, at),
      ];
    }),
    ...validateStrategy(scoringStrategy, field.child(path, "scoringStrategy")),
  ];
}

const STRATEGIES = ["LeastAllocated", "MostAllocated", "RequestedToCapacityRatio"];

function validateStrategy(strategy: ScoringStrategy, path: string): Causes {
  const { type, resources, requestedToCapacityRatio: ratio } = strategy;
  const ratioPath = field.child(path, "requestedToCapacityRatio");
  const isRatio = type === "RequestedToCapacityRatio";
  return [
    ...(STRATEGIES.includes(type) ? [] : [field.notSupported(field.child(path, "type"), type, STRATEGIES)]),
    ...resources.flatMap((resource, i) =>
      validateWeight(resource, field.index(field.child(path, "resources"), i)),
    ),
    ...(isRatio && ratio === undefined
      ? [field.required(ratioPath, "must be specified when type is RequestedToCapacityRatio")]
      : []),
    ...(isRatio && ratio !== undefined
      ? validateShape(ratio.shape ?? [], field.child(ratioPath, "shape"))
      : []),
    ...(!isRatio && ratio !== undefined
      ? [field.forbidden(ratioPath, "must be nil when type is not RequestedToCapacityRatio")]
      : []),
  ];
}

function validateWeight({ name, weight }: ResourceSpec, path: string): Causes {
  if (weight > 0 && weight <= 100) return [];
  const detail = `resource weight of ${name} not in valid range (0, 100]`;
  return [field.invalid(field.child(path, "weight"), weight, detail)];
}

function validateShape(shape: readonly UtilizationShapePoint[], path: string): Causes {
  if (shape.length === 0) return [field.required(path, "at least one point must be specified")];
  const at = (i: number, name: string): string => field.child(field.index(path, i), name);
  const unsorted = shape.findIndex(({ utilization }, i) => i > 0 && shape[i - 1]!.utilization >= utilization);
  return [
    ...(unsorted < 0
      ? []
      : [
          field.invalid(
            at(unsorted, "utilization"),
            shape[unsorted]!.utilization,
            "values must be sorted in increasing order",
          ),
        ]),
    ...shape.flatMap(({ utilization, score }, i) => [
      ...inRange(utilization, 0, 100, at(i, "utilization")),
      ...inRange(score, 0, 10, at(i, "score")),
    ]),
  ];
}

function validateSpread({ defaultConstraints, defaultingType }: PodTopologySpreadArgs, path: string): Causes {
  const typePath = field.child(path, "defaultingType");
  const types = ["System", "List"];
  return [
    ...(types.includes(defaultingType) ? [] : [field.notSupported(typePath, defaultingType, types)]),
    ...(defaultingType === "System" && defaultConstraints.length > 0
      ? [field.invalid(typePath, defaultingType, "when .defaultConstraints are not empty")]
      : []),
    ...defaultConstraints.flatMap((_, i) =>
      validateConstraint(defaultConstraints, i, field.child(path, "defaultConstraints")),
    ),
  ];
}

function validateConstraint(all: readonly TopologySpreadConstraint[], i: number, listPath: string): Causes {
  const { maxSkew, labelSelector, ...constraint } = all[i]! as Partial<TopologySpreadConstraint>;
  const { topologyKey = "", whenUnsatisfiable = "" } = constraint;
  const path = field.index(listPath, i);
  const actions = ["DoNotSchedule", "ScheduleAnyway"];
  const keyPath = field.child(path, "topologyKey");
  const actionPath = field.child(path, "whenUnsatisfiable");
  const isSame = (other: TopologySpreadConstraint): boolean =>
    other.topologyKey === topologyKey && other.whenUnsatisfiable === whenUnsatisfiable;
  return [
    ...((maxSkew ?? 0) > 0
      ? []
      : [field.invalid(field.child(path, "maxSkew"), maxSkew, "not in valid range (0, inf)")]),
    ...(topologyKey === ""
      ? [field.required(keyPath, "can not be empty")]
      : validateLabelName(topologyKey, keyPath)),
    ...(whenUnsatisfiable === ""
      ? [field.required(actionPath, "can not be empty")]
      : actions.includes(whenUnsatisfiable)
        ? []
        : [field.notSupported(actionPath, whenUnsatisfiable, actions)]),
    ...(labelSelector === undefined
      ? []
      : [
          field.forbidden(
            field.child(path, "labelSelector"),
            "constraint must not define a selector, as they deduced for each pod",
          ),
        ]),
    ...(all.findIndex(isSame) < i ? [field.duplicate(path, `{${topologyKey}, ${whenUnsatisfiable}}`)] : []),
  ];
}

function validateVolumeBinding({ bindTimeoutSeconds, shape }: VolumeBindingArgs, path: string): Causes {
  const negative = "invalid BindTimeoutSeconds, should not be a negative value";
  const gated = "unexpected field `shape`, remove it or turn on the feature gate StorageCapacityScoring";
  return [
    ...(bindTimeoutSeconds < 0
      ? [field.invalid(field.child(path, "bindTimeoutSeconds"), bindTimeoutSeconds, negative)]
      : []),
    ...(shape === undefined ? [] : [field.invalid(field.child(path, "shape"), shape, gated)]),
  ];
}

function validateDynamicResources(args: DynamicResourcesArgs, path: string): Causes {
  const { filterTimeout, bindingTimeout } = args;
  return [
    ...(parseDuration(filterTimeout) < 0
      ? [field.invalid(field.child(path, "filterTimeout"), filterTimeout, "must be zero or positive")]
      : []),
    ...(parseDuration(bindingTimeout) < 1_000
      ? [field.invalid(field.child(path, "bindingTimeout"), bindingTimeout, "must be at least 1 second")]
      : []),
  ];
}

function inRange(value: number, min: number, max: number, path: string): Causes {
  if (value >= min && value <= max) return [];
  return [field.invalid(path, value, `not in valid range [${min}, ${max}]`)];
}
