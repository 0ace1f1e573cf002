/** Which ResourceClaims a pod and its containers use, and whether they may. Pure; messages are upstream's. @module */
import { controllerOf, keyOf } from "#apimachinery";
import { isExtendedResource } from "#api/validation/resources";
import type { Container, Pod, PodResourceClaim } from "#api/core/v1/types.gen";
import type { ResourceClaim } from "#api/resource/v1/types.gen";
import { specOf, uidOf } from "../container/pod-spec.ts";
import { amountOf } from "../container/resources.ts";

export interface PodClaim {
  /** Of the ResourceClaim. */
  readonly claimName: string;
  /** It was made for the pod, and no other may have taken its name. */
  readonly mustBeOwned: boolean;
}

/** Extended resources that a DeviceClass stands for by its name alone. */
const DEVICE_CLASS_PREFIX = "deviceclass.resource.kubernetes.io/";

/** Throws while a claim has not been made yet. Claims that turned out not to be needed are left out. */
export function podClaims(pod: Pod): readonly PodClaim[] {
  const claims = (specOf(pod).resourceClaims ?? []).flatMap((claim) => podClaim(pod, claim) ?? []);
  const extended = pod.status?.extendedResourceClaimStatus;
  if (extended === undefined) return claims;
  return [...claims, { claimName: extended.resourceClaimName, mustBeOwned: false }];
}

/** Undefined: no claim is needed. */
function podClaim(pod: Pod, claim: PodResourceClaim): PodClaim | undefined {
  const { name, resourceClaimName, resourceClaimTemplateName } = claim;
  if (resourceClaimName !== undefined) return { claimName: resourceClaimName, mustBeOwned: false };
  const who = `pod "${keyOf(pod)}"`;
  if (resourceClaimTemplateName === undefined)
    throw new Error(`${who}, spec.resourceClaim "${name}": none of the supported fields are set`);
  const made = pod.status?.resourceClaimStatuses?.find((one) => one.name === name);
  if (made === undefined) throw new Error(`${who}: ResourceClaim not created yet`);
  if (made.resourceClaimName === undefined) return undefined;
  return { claimName: made.resourceClaimName, mustBeOwned: true };
}

/** Throws when the pod may not use the claim. */
export function checkClaim(pod: Pod, claim: ResourceClaim, { mustBeOwned }: PodClaim): void {
  const { name, uid = "" } = claim.metadata;
  const podUid = uidOf(pod);
  if (mustBeOwned && controllerOf(claim)?.uid !== podUid) {
    throw new Error(`ResourceClaim ${keyOf(claim)} was not created for Pod ${keyOf(pod)} (Pod is not owner)`);
  }
  if ((claim.status?.reservedFor ?? []).some((consumer) => consumer.uid === podUid)) return;
  throw new Error(
    `pod ${pod.metadata.name} (${podUid}) is not allowed to use ResourceClaim ${name} (${uid})`,
  );
}

export interface ContainerClaim {
  /** As the container calls it; "" for the claim of its extended resources. */
  readonly podClaimName: string;
  readonly claimName: string;
  /** "" stands for the whole claim. */
  readonly request: string;
}

/** What of which claims a container uses. Throws as `podClaims`. */
export function containerClaims(pod: Pod, container: Container): readonly ContainerClaim[] {
  const own = (container.resources?.claims ?? []).flatMap(({ name, request = "" }) => {
    const named = (specOf(pod).resourceClaims ?? []).find((one) => one.name === name);
    const claim = named === undefined ? undefined : podClaim(pod, named);
    return claim === undefined ? [] : [{ podClaimName: name, claimName: claim.claimName, request }];
  });
  return [...own, ...extendedClaims(pod, container)];
}

/** Extended resources that the scheduler has satisfied by a claim. */
function extendedClaims(pod: Pod, { name, resources }: Container): readonly ContainerClaim[] {
  const extended = pod.status?.extendedResourceClaimStatus;
  if (extended === undefined) return [];
  const claimName = extended.resourceClaimName;
  const requests = resources?.requests ?? {};
  return extended.requestMappings
    .filter(({ containerName, resourceName }) => containerName === name && isAskedFor(requests, resourceName))
    .map(({ requestName: request }) => ({ podClaimName: "", claimName, request }));
}

function isAskedFor(requests: Readonly<Record<string, string>>, name: string): boolean {
  const isDynamic = isExtendedResource(name) || name.startsWith(DEVICE_CLASS_PREFIX);
  return isDynamic && (amountOf(requests, name) ?? 0) > 0;
}

/** Whether a claim stands for that resource of the container, so that no device plugin is asked. */
export function isByClaim({ status }: Pod, container: string, resource: string): boolean {
  return (status?.extendedResourceClaimStatus?.requestMappings ?? []).some(
    ({ containerName, resourceName }) => containerName === container && resourceName === resource,
  );
}
