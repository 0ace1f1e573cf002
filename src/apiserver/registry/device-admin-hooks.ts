/** Devices that others use are handed to whoever administers them only in namespaces that are labelled for it (KEP-5018), and claims' status has writers of its own. @module */
import { field, invalid, type KubeObject, type StatusCause } from "#apimachinery";
import { ResourceClaims } from "#api/resource/v1/resourceclaim";
import { ResourceClaimTemplates } from "#api/resource/v1/resourceclaimtemplate";
import type { DeviceRequest, ResourceClaim, ResourceClaimTemplate } from "#api/resource/v1/types.gen";
import type { Authorizer } from "../user-info.ts";
import { claimStatusCauses } from "./claim-status-authorization.ts";
import { nothingBegun, type ResourceHooks } from "./resource-hooks.ts";

const LABEL = "resource.kubernetes.io/admin-access";
const MESSAGE = `admin access to devices requires the \`${LABEL}: true\` label on the containing namespace`;

interface NamespaceLookup {
  readonly getLive: (resource: string, namespace: string, name: string) => Promise<KubeObject | undefined>;
}

export function deviceAdminHooks(
  lookup: NamespaceLookup,
  authorizer: Authorizer,
): readonly (readonly [resource: string, hooks: ResourceHooks])[] {
  const claims: ResourceHooks = {
    beginCreate: async (object) => {
      const { spec } = object as ResourceClaim;
      refuseIf(
        ResourceClaims,
        object,
        await adminCauses(object, requestedIn(spec.devices?.requests), lookup),
      );
      return nothingBegun(object);
    },
    beginUpdate: async (object, before, { user, verb = "update", requestKind }) => {
      const [claim, old] = [object as ResourceClaim, before as ResourceClaim];
      const { version } = requestKind ?? ResourceClaims;
      const granted = grantedIn(old) === undefined ? grantedIn(claim) : undefined;
      const causes = await adminCauses(object, granted, lookup);
      const unauthorized = await claimStatusCauses(claim, old, { user, verb, version }, authorizer);
      refuseIf(ResourceClaims, object, [...causes, ...unauthorized]);
      return nothingBegun(object);
    },
  };
  const templates: ResourceHooks = {
    beginCreate: async (object) => {
      const { spec } = object as ResourceClaimTemplate;
      const requested = requestedIn(spec.spec.devices?.requests);
      refuseIf(ResourceClaimTemplates, object, await adminCauses(object, requested, lookup));
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

async function adminCauses(
  { metadata }: KubeObject,
  path: string | undefined,
  lookup: NamespaceLookup,
): Promise<readonly StatusCause[]> {
  if (path === undefined) return [];
  const namespace = await lookup.getLive("core/namespaces", "", metadata.namespace ?? "");
  return namespace?.metadata.labels?.[LABEL] === "true" ? [] : [field.forbidden(path, MESSAGE)];
}

function refuseIf(
  kind: { readonly group: string; readonly kind: string },
  { metadata }: KubeObject,
  causes: readonly StatusCause[],
): void {
  if (causes.length > 0) throw invalid(kind, metadata.name, causes);
}
