/**
 * How strictly the specification of a pod is judged: what a stored pod (or template) got away with before a rule became
 * stricter, its updates may keep. Upstream's `PodValidationOptions`, with the feature gates of v1.36 at their defaults.
 * @module
 */
import { validateLabelSelector, type ObjectMeta } from "#apimachinery";
import type { PodAffinityTerm, PodSpec } from "../core/v1/types.gen.ts";
import { validateLabelKeys } from "./label-keys.ts";
import { hasInvalidLabelValue } from "./node-selector.ts";
import { isSidecar, someContainer } from "./pod-visit.ts";
import { hasIndivisibleHugePages } from "./resources.ts";
import { breaksHostSysctls } from "./sysctls.ts";
import { DELETION_COST, isInt32Text } from "./pod-annotations.ts";
import { isLocalPath } from "./paths.ts";

export interface PodRules {
  /** The spec stands in a pod, not in a template. */
  readonly isPod: boolean;
  readonly invalidDeletionCost: boolean;
  readonly invalidSelectorValues: boolean;
  readonly indivisibleHugePages: boolean;
  readonly invalidSpreadSelector: boolean;
  readonly legacySpreadKeys: boolean;
  readonly nonLocalTokenPath: boolean;
  readonly namespacedHostSysctls: boolean;
  readonly invalidNodeAffinityValues: boolean;
  /** `RestartContainer` in the resize policy of init containers that are no sidecars. */
  readonly restartedInitContainers: boolean;
  readonly userNamespaceDevices: boolean;
  /** Behind UserNamespacesHostNetworkSupport, which is alpha. */
  readonly userNamespaceHostNetwork: boolean;
  /** Behind TaintTolerationComparisonOperators, which is alpha. */
  readonly tolerationComparison: boolean;
  /** All policies; without the SELinuxMount gate only `Recursive` may be newly chosen. */
  readonly anySELinuxPolicy: boolean;
}

const STRICT: PodRules = {
  isPod: false,
  invalidDeletionCost: false,
  invalidSelectorValues: false,
  indivisibleHugePages: false,
  invalidSpreadSelector: false,
  legacySpreadKeys: false,
  nonLocalTokenPath: false,
  namespacedHostSysctls: false,
  invalidNodeAffinityValues: false,
  restartedInitContainers: false,
  userNamespaceDevices: false,
  userNamespaceHostNetwork: false,
  tolerationComparison: false,
  anySELinuxPolicy: false,
};
const STRICT_POD: PodRules = { ...STRICT, isPod: true };

export interface StoredPod {
  readonly metadata?: Partial<ObjectMeta>;
  readonly spec?: PodSpec;
}

/** For a create, or for an update of `old`. */
export function podRules(isPod: boolean, old?: StoredPod): PodRules {
  const strict = isPod ? STRICT_POD : STRICT;
  if (old === undefined) return strict;
  const cost = old.metadata?.annotations?.[DELETION_COST];
  const annotated = { ...strict, invalidDeletionCost: cost !== undefined && !isInt32Text(cost) };
  return old.spec === undefined ? annotated : { ...annotated, ...inUse(old.spec) };
}

function inUse(spec: PodSpec): Partial<PodRules> {
  const spreads = spec.topologySpreadConstraints ?? [];
  const ownUsers = spec.hostUsers === false;
  const affinity = spec.affinity?.nodeAffinity;
  const required = affinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return {
    invalidSelectorValues: affinityTerms(spec).some(hasInvalidSelector),
    indivisibleHugePages: hasIndivisibleHugePages(spec),
    invalidSpreadSelector: spreads.some((c) => validateLabelSelector(c.labelSelector, "").length > 0),
    legacySpreadKeys: spreads.some(
      (c) => validateLabelKeys("", c.labelSelector, c.matchLabelKeys).length > 0,
    ),
    nonLocalTokenPath: tokenPaths(spec).some((path) => !isLocalPath(path)),
    namespacedHostSysctls: breaksHostSysctls(spec),
    invalidNodeAffinityValues: (required?.nodeSelectorTerms ?? []).some(hasInvalidLabelValue),
    restartedInitContainers: (spec.initContainers ?? []).some(
      (c) => !isSidecar(c) && c.resizePolicy?.some((p) => p.restartPolicy === "RestartContainer"),
    ),
    userNamespaceDevices: ownUsers && someContainer(spec, (c) => (c.volumeDevices?.length ?? 0) > 0),
    userNamespaceHostNetwork: ownUsers && spec.hostNetwork === true,
    tolerationComparison: (spec.tolerations ?? []).some((t) => t.operator === "Lt" || t.operator === "Gt"),
    anySELinuxPolicy: spec.securityContext?.seLinuxChangePolicy !== undefined,
  };
}

function affinityTerms({ affinity }: PodSpec): readonly PodAffinityTerm[] {
  return [affinity?.podAffinity, affinity?.podAntiAffinity].flatMap((pods) => [
    ...(pods?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
    ...(pods?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((w) => w.podAffinityTerm),
  ]);
}

const hasInvalidSelector = (term: PodAffinityTerm): boolean =>
  validateLabelSelector(term.labelSelector, "").length > 0 ||
  validateLabelSelector(term.namespaceSelector, "").length > 0;

const tokenPaths = (spec: PodSpec): readonly string[] =>
  (spec.volumes ?? []).flatMap((volume) =>
    (volume.projected?.sources ?? []).flatMap(({ serviceAccountToken: token }) =>
      token === undefined ? [] : [token.path],
    ),
  );
