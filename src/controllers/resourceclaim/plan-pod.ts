/** What a pod's claims need: to be made from templates, to be noted in its status, to be reserved. Pure. @module */
import { quote } from "#apimachinery";
import type { Pod, PodResourceClaim, PodResourceClaimStatus } from "#api/core/v1/types.gen";
import type { ResourceClaim, ResourceClaimTemplate } from "#api/resource/v1/types.gen";
import { claimNameOf, isReservedForPod, strangerTo } from "./pod-claims.ts";

/** Says which of a pod's claims a generated ResourceClaim is. */
export const POD_CLAIM_NAME = "resource.kubernetes.io/pod-claim-name";
/** Upstream's ResourceClaimReservedForMaxSize. */
const RESERVED_FOR_MAX = 256;
/** What the API server leaves of a prefix: 63 characters without the five random ones and a hyphen. */
const PREFIX_MAX = 57;

export interface ClaimWorld {
  readonly claim: (name: string) => ResourceClaim | undefined;
  /** Generated for this pod. */
  readonly owned: readonly ResourceClaim[];
  readonly template: (name: string) => ResourceClaimTemplate | undefined;
}

/** `use`: the claim exists, only the pod's status does not name it yet. */
export type ClaimStep =
  | { readonly action: "nothing" }
  | { readonly action: "use"; readonly name: string }
  | { readonly action: "create"; readonly claim: ResourceClaim };

/** Throws with upstream's words when the template does not exist. */
export function planClaimOfPod(pod: Pod, podClaim: PodResourceClaim, world: ClaimWorld): ClaimStep {
  const named = claimNameOf(pod, podClaim);
  if (named === "notNeeded") return { action: "nothing" };
  if (named !== "notCreated") {
    const claim = world.claim(named.name);
    const isRight = claim !== undefined && (!named.isGenerated || strangerTo(pod, claim) === undefined);
    if (isRight) return { action: "nothing" };
  }
  const templateName = podClaim.resourceClaimTemplateName;
  if (templateName === undefined) return { action: "nothing" };
  const orphan = world.owned.find(({ metadata }) => metadata.annotations?.[POD_CLAIM_NAME] === podClaim.name);
  if (orphan !== undefined) return { action: "use", name: orphan.metadata.name };
  const template = world.template(templateName);
  if (template === undefined) {
    const missing = `resourceclaimtemplate.resource.k8s.io ${quote(templateName)} not found`;
    throw new Error(`resource claim template ${quote(templateName)}: ${missing}`);
  }
  return { action: "create", claim: claimFromTemplate(pod, podClaim, template) };
}

function claimFromTemplate(
  { metadata: { name, namespace, uid } }: Pod,
  podClaim: PodResourceClaim,
  { spec }: ResourceClaimTemplate,
): ResourceClaim {
  const { annotations, labels } = spec.metadata ?? {};
  return {
    apiVersion: "resource.k8s.io/v1",
    kind: "ResourceClaim",
    metadata: {
      name: "",
      generateName: prefixOf(name, podClaim.name),
      namespace: namespace!,
      annotations: { ...annotations, [POD_CLAIM_NAME]: podClaim.name },
      ...(labels !== undefined && { labels }),
      ownerReferences: [{ apiVersion: "v1", kind: "Pod", name, uid: uid!, controller: true }],
    },
    spec: spec.spec,
  };
}

/** Cut on both sides of the hyphen, so that something is left of each name. */
function prefixOf(pod: string, claim: string): string {
  const { length } = `${pod}-${claim}-`;
  if (length <= PREFIX_MAX) return `${pod}-${claim}-`;
  const cut = (name: string): string => name.slice(0, Math.trunc((name.length * PREFIX_MAX) / length));
  return `${cut(pod)}-${cut(claim)}`;
}

/** What the status says with the new names beside those that stay; undefined: nothing new. */
export function claimStatusesOf(
  { spec, status }: Pod,
  found: ReadonlyMap<string, string>,
): readonly PodResourceClaimStatus[] | undefined {
  if (found.size === 0) return undefined;
  return (spec?.resourceClaims ?? []).flatMap(({ name }) => {
    const resourceClaimName = found.get(name);
    if (resourceClaimName !== undefined) return [{ name, resourceClaimName }];
    return status?.resourceClaimStatuses?.filter((known) => known.name === name) ?? [];
  });
}

/** Claims that a pod with a node was not given by the scheduler, because it did not pass it. Throws for another's claim. */
export function claimsToReserve(pod: Pod, claim: ClaimWorld["claim"]): readonly ResourceClaim[] {
  if ((pod.spec?.nodeName ?? "") === "") return [];
  const missing: ResourceClaim[] = [];
  for (const podClaim of pod.spec?.resourceClaims ?? []) {
    const named = claimNameOf(pod, podClaim);
    if (named === "notNeeded") continue;
    const found = named === "notCreated" ? undefined : claim(named.name);
    if (named === "notCreated" || found === undefined) break;
    const stranger = named.isGenerated ? strangerTo(pod, found) : undefined;
    if (stranger !== undefined) throw new Error(stranger);
    const hasPlace = (found.status?.reservedFor ?? []).length < RESERVED_FOR_MAX;
    if (found.status?.allocation !== undefined && !isReservedForPod(found, pod) && hasPlace)
      missing.push(found);
  }
  return missing;
}

/** The claim with the pod among its consumers. */
export function reservedFor(claim: ResourceClaim, { metadata }: Pod): ResourceClaim {
  const consumer = { resource: "pods", name: metadata.name, uid: metadata.uid! };
  return {
    ...claim,
    status: { ...claim.status, reservedFor: [...(claim.status?.reservedFor ?? []), consumer] },
  };
}
