/** Which pods have to go so that a critical pod fits: the fewest, the least important first. Pure; the rule is upstream's. @module */
import type { Pod } from "#api/core/v1/types.gen";
import { isCriticalPod, specOf } from "../container/pod-spec.ts";
import { qosClassOf } from "../container/qos.ts";
import { podRequests } from "../container/resources.ts";

/** What is lacking: thousandths for cpu, units for everything else. */
export interface Requirement {
  readonly resource: string;
  readonly amount: number;
}

type Requirements = readonly Requirement[];

/**
 * Pods whose requests together are at least `requirements`; undefined if all that may be taken are not enough. Few pods
 * go rather than many; guaranteed ones only for what the others cannot give, and of equals those that request less.
 */
export function planPreemption(
  preemptor: Pod,
  pods: readonly Pod[],
  requirements: Requirements,
): readonly Pod[] | undefined {
  const candidates = pods.filter((pod) => isPreemptable(preemptor, pod));
  if (subtract(requirements, candidates).length > 0) return undefined;
  const [bestEffort, burstable, guaranteed] = (["BestEffort", "Burstable", "Guaranteed"] as const).map(
    (qos) => candidates.filter((pod) => qosClassOf(pod) === qos),
  ) as [Pod[], Pod[], Pod[]];
  const guaranteedToEvict = byDistance(guaranteed, subtract(requirements, [...bestEffort, ...burstable]));
  const burstableToEvict = byDistance(
    burstable,
    subtract(requirements, [...bestEffort, ...guaranteedToEvict]),
  );
  const taken = [...burstableToEvict, ...guaranteedToEvict];
  return [...byDistance(bestEffort, subtract(requirements, taken)), ...taken];
}

/** As text, for messages and logs. */
export function formatRequirements(requirements: Requirements): string {
  return `[${requirements.map(({ resource, amount }) => `(res: ${resource}, q: ${amount}), `).join("")}]`;
}

function isPreemptable(preemptor: Pod, pod: Pod): boolean {
  if (isCriticalPod(preemptor) && !isCriticalPod(pod)) return true;
  const [mine, its] = [specOf(preemptor).priority, specOf(pod).priority];
  return mine !== undefined && its !== undefined && mine > its;
}

/** Takes the pod that gives most of what is still lacking, until nothing is. */
function byDistance(candidates: readonly Pod[], requirements: Requirements): readonly Pod[] {
  const left = [...candidates];
  const taken: Pod[] = [];
  for (let lacking = requirements; lacking.length > 0 && left.length > 0;) {
    const [first, ...others] = left as [Pod, ...Pod[]];
    const best = others.reduce((a, b) => (isCloser(b, a, lacking) ? b : a), first);
    left.splice(left.indexOf(best), 1);
    taken.push(best);
    lacking = subtract(lacking, [best]);
  }
  return taken;
}

function isCloser(pod: Pod, best: Pod, requirements: Requirements): boolean {
  const [mine, its] = [distance(pod, requirements), distance(best, requirements)];
  return mine < its || (mine === its && requestsNoMore(pod, best));
}

/** The parts of the requirements that the pod does not give, each weighing as much as the others. */
function distance(pod: Pod, requirements: Requirements): number {
  return requirements.reduce((sum, { resource, amount }) => {
    const lacking = Math.max(0, amount - requestOf(pod, resource));
    return sum + (lacking / amount) ** 2;
  }, 0);
}

function requestsNoMore(pod: Pod, other: Pod): boolean {
  for (const resource of ["memory", "cpu"]) {
    const [mine, its] = [requestOf(pod, resource), requestOf(other, resource)];
    if (mine !== its) return mine < its;
  }
  return true;
}

/** What is lacking still once these pods have gone. */
function subtract(requirements: Requirements, pods: readonly Pod[]): Requirements {
  return requirements.flatMap(({ resource, amount }) => {
    const left = pods.reduce((sum, pod) => sum - requestOf(pod, resource), amount);
    return left > 0 ? [{ resource, amount: left }] : [];
  });
}

function requestOf(pod: Pod, resource: string): number {
  return resource === "pods" ? 1 : podRequests(pod, resource);
}
