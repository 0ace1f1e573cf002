/** The decision of the taint eviction controller, without clock, cache or network. @module */
import { tolerates } from "#api/core/v1/tolerations";
import type { Pod, Taint, Toleration } from "#api/core/v1/types.gen";

/** How long the pod may stay on a node with these taints: 0 is not at all, undefined is for ever. */
export function toleratedForMs(pod: Pod, taints: readonly Taint[]): number | undefined {
  const tolerations = pod.spec?.tolerations ?? [];
  let shortest: number | undefined;
  for (const taint of taints.filter(({ effect }) => effect === "NoExecute")) {
    const toleration = tolerations.find((candidate) => tolerates(candidate, taint));
    if (toleration === undefined) return 0;
    const ms = limitMs(toleration);
    if (ms !== undefined) shortest = Math.min(shortest ?? ms, ms);
  }
  return shortest;
}

function limitMs({ tolerationSeconds }: Toleration): number | undefined {
  return tolerationSeconds === undefined ? undefined : Math.max(tolerationSeconds, 0) * 1000;
}
