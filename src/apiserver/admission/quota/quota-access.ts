/** The quotas of this server's own store. @module */
import { conflict, OPTIMISTIC_LOCK_MESSAGE, type KubeObject } from "#apimachinery";
import type { Pod, ResourceQuota } from "#api/core/v1/types.gen";
import type { DeviceClass, ResourceClaim } from "#api/resource/v1/types.gen";
import { systemContext } from "../../bootstrap/bootstrap.ts";
import type { Registry } from "../../registry/registry.ts";
import type { ObjectLookup } from "../object-lookup.ts";
import type { QuotaAccess } from "./quota-ledger.ts";

const RESOURCE = "core/resourcequotas";

export function quotaAccess(
  lookup: ObjectLookup,
  registry: () => Registry,
  signal: AbortSignal,
): QuotaAccess {
  return {
    aroundClaims: {
      classes: () => lookup.list("resource.k8s.io/deviceclasses") as readonly DeviceClass[],
      pod: (namespace, name) => lookup.get("core/pods", namespace, name) as Pod | undefined,
      claims: (namespace) =>
        lookup.list("resource.k8s.io/resourceclaims", namespace) as readonly ResourceClaim[],
    },
    list: (namespace) => lookup.list(RESOURCE, namespace) as readonly ResourceQuota[],
    getLive: async (namespace, name) =>
      (await lookup.getLive(RESOURCE, namespace, name)) as ResourceQuota | undefined,
    async updateStatus({ metadata, status }) {
      const { namespace = "", name, resourceVersion } = metadata;
      const transform = (stored: KubeObject | undefined): KubeObject => {
        // What was decided on another version must be decided again: the store would only see that nobody wrote since.
        if (stored!.metadata.resourceVersion !== resourceVersion) {
          throw conflict({ group: "", resource: "resourcequotas" }, name, OPTIMISTIC_LOCK_MESSAGE);
        }
        return { ...stored!, status } as KubeObject;
      };
      const request = { subresource: "status", mayCreate: false, strategy: "none", transform } as const;
      const written = await registry()
        .store(RESOURCE)
        .update(namespace, name, request, systemContext(signal));
      return written.object.object as ResourceQuota;
    },
  };
}
