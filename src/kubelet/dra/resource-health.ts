/** What a container's status says of the devices that it got by claims. Pure. @module */
import type { ResourceHealth, ResourceStatus } from "#api/core/v1/types.gen";
import { type ClaimInfo, serves } from "./claim-info.ts";
import type { DeviceHealth, DeviceId } from "./health-info.ts";
import type { ContainerClaim } from "./pod-claims.ts";

export interface HealthSource {
  readonly claim: (name: string) => ClaimInfo | undefined;
  readonly health: (driver: string, device: DeviceId) => DeviceHealth;
}

export function claimStatuses(
  claims: readonly ContainerClaim[],
  source: HealthSource,
): readonly ResourceStatus[] {
  return claims.flatMap((claim) => {
    const info = claim.podClaimName === "" ? undefined : source.claim(claim.claimName);
    if (info === undefined) return [];
    const resources = healthOf(info, claim.request, source);
    if (resources.length === 0) return [];
    const request = claim.request === "" ? "" : `/${claim.request}`;
    return [{ name: `claim:${claim.podClaimName}${request}`, resources }];
  });
}

/** Several devices may share an id; the first one speaks for them. */
function healthOf(
  { drivers }: ClaimInfo,
  request: string,
  { health }: HealthSource,
): readonly ResourceHealth[] {
  // Of a subrequest (`request/subrequest`), devices name the request.
  const [base = ""] = request.split("/");
  const byId = new Map<string, ResourceHealth>();
  for (const [driver, devices] of drivers) {
    for (const device of devices.filter(({ requestNames }) => serves(requestNames, base))) {
      const { poolName, deviceName, cdiDeviceIds } = device;
      const resourceID = cdiDeviceIds[0] ?? `${driver}/${poolName}/${deviceName}`;
      if (byId.has(resourceID)) continue;
      const told = health(driver, device);
      byId.set(resourceID, {
        resourceID,
        health: told.health,
        ...(told.message !== "" && { message: told.message }),
      });
    }
  }
  return [...byId.values()];
}
