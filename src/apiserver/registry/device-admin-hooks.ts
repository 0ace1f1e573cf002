/** Devices that others use are handed to whoever administers them only in namespaces that are labelled for it (KEP-5018). @module */
import { field, invalid, type KubeObject } from "#apimachinery";
import { ResourceClaims } from "#api/resource/v1/resourceclaim";
import { ResourceClaimTemplates } from "#api/resource/v1/resourceclaimtemplate";
import type { DeviceRequest, ResourceClaim, ResourceClaimTemplate } from "#api/resource/v1/types.gen";
import { nothingBegun, type ResourceHooks } from "./resource-hooks.ts";

const LABEL = "resource.kubernetes.io/admin-access";
const MESSAGE = `admin access to devices requires the \`${LABEL}: true\` label on the containing namespace`;

interface NamespaceLookup {
  readonly getLive: (resource: string, namespace: string, name: string) => Promise<KubeObject | undefined>;
}

export function deviceAdminHooks(
  lookup: NamespaceLookup,
): readonly (readonly [resource: string, hooks: ResourceHooks])[] {
  const claims: ResourceHooks = {
    beginCreate: async (object) => {
      const { spec } = object as ResourceClaim;
      await check(ResourceClaims, object, requestedIn(spec.devices?.requests), lookup);
      return nothingBegun(object);
    },
    beginUpdate: async (object, old) => {
      const isGranted = grantedIn(old as ResourceClaim) !== undefined;
      if (!isGranted) await check(ResourceClaims, object, grantedIn(object as ResourceClaim), lookup);
      return nothingBegun(object);
    },
  };
  const templates: ResourceHooks = {
    beginCreate: async (object) => {
      const { spec } = object as ResourceClaimTemplate;
      await check(ResourceClaimTemplates, object, requestedIn(spec.spec.devices?.requests), lookup);
      return nothingBegun(object);
    },
  };
  return [
    ["resource.k8s.io/resourceclaims", claims],
    ["resource.k8s.io/resourceclaimtemplates", templates],
  ];
}

/** Where it is asked for first; upstream's path leaves out `exactly`, and in templates where the claim stands. */
function requestedIn(requests: readonly DeviceRequest[] | undefined): string | undefined {
  const i = requests?.findIndex(({ exactly }) => exactly?.adminAccess === true) ?? -1;
  return i < 0 ? undefined : `spec.devices.requests[${i}].adminAccess`;
}

function grantedIn({ status }: ResourceClaim): string | undefined {
  const i = status?.allocation?.devices?.results?.findIndex(({ adminAccess }) => adminAccess === true) ?? -1;
  return i < 0 ? undefined : `status.allocation.devices.results[${i}].adminAccess`;
}

async function check(
  kind: { readonly group: string; readonly kind: string },
  { metadata }: KubeObject,
  path: string | undefined,
  lookup: NamespaceLookup,
): Promise<void> {
  if (path === undefined) return;
  const namespace = await lookup.getLive("core/namespaces", "", metadata.namespace ?? "");
  if (namespace?.metadata.labels?.[LABEL] === "true") return;
  throw invalid(kind, metadata.name, [field.forbidden(path, MESSAGE)]);
}
