/** Who changes the status of a ResourceClaim needs a right for each part: `resourceclaims/binding`, `resourceclaims/driver` (KEP-4817). @module */
import { compareStrings, field, type StatusCause } from "#apimachinery";
import type {
  AllocatedDeviceStatus,
  AllocationResult,
  ResourceClaim,
  ResourceClaimStatus,
} from "#api/resource/v1/types.gen";
import { semanticEqual } from "#api/validation/semantic-equal";
import { forbiddenError } from "../authz/index.ts";
import { SYSTEM_MASTERS, type Authorizer, type UserInfo } from "../user-info.ts";

const NODE_NAME = "authentication.kubernetes.io/node-name";
const SERVICE_ACCOUNT = /^system:serviceaccount:[a-z0-9-]+:[a-z0-9.-]+$/;

export interface StatusWriter {
  readonly user: UserInfo;
  /** Of the request: `update` or `patch`. */
  readonly verb: string;
  /** In which the request speaks. */
  readonly version: string;
}

/** What the writer may not change, as far as the rights go. */
export async function claimStatusCauses(
  claim: ResourceClaim,
  old: ResourceClaim,
  writer: StatusWriter,
  authorizer: Authorizer,
): Promise<readonly StatusCause[]> {
  if (writer.user.groups.includes(SYSTEM_MASTERS)) return [];
  const [status, before] = [claim.status ?? {}, old.status ?? {}];
  const causes = await bindingCauses(status, before, writer, authorizer);
  // what devices say goes with their allocation
  if (status.allocation === undefined) return causes;
  const namespace = claim.metadata.namespace ?? "";
  return [...causes, ...(await deviceCauses(status, before, { ...writer, namespace }, authorizer))];
}

async function bindingCauses(
  status: ResourceClaimStatus,
  before: ResourceClaimStatus,
  { user, verb, version }: StatusWriter,
  authorizer: Authorizer,
): Promise<readonly StatusCause[]> {
  const isSame =
    semanticEqual(status.allocation, before.allocation) &&
    semanticEqual(status.reservedFor, before.reservedFor);
  if (isSame) return [];
  const asked = { user, verb, version, subresource: "binding", namespace: "", name: "" };
  const refusal = await refusalOf(asked, authorizer);
  if (refusal === undefined) return [];
  const needed = `resource="resourceclaims/binding", verb="${verb}" permission`;
  const message = `changing status.allocation or status.reservedFor requires ${needed}: ${refusal}`;
  return [field.forbidden("status.allocation", message)];
}

async function deviceCauses(
  status: ResourceClaimStatus,
  before: ResourceClaimStatus,
  { user, verb, version, namespace }: StatusWriter & { readonly namespace: string },
  authorizer: Authorizer,
): Promise<readonly StatusCause[]> {
  const anywhere = `arbitrary-node:${verb}`;
  const isNear = isOnNode(user, nodeOf(status.allocation));
  const verbs = isNear ? [`associated-node:${verb}`, anywhere] : [anywhere];
  const causes: StatusCause[] = [];
  for (const driver of changedDrivers(status.devices ?? [], before.devices ?? [])) {
    const refusal = await refusalOfAll(verbs, { user, version, namespace, name: driver }, authorizer);
    if (refusal === undefined) continue;
    const needed = `resource="resourceclaims/driver", verb="[${verbs.join(" ")}]" permission`;
    causes.push(field.forbidden("status.devices", `changing status.devices requires ${needed}: ${refusal}`));
  }
  return causes;
}

/** One of the verbs is enough; the first refusal is told. */
async function refusalOfAll(
  verbs: readonly string[],
  asked: Pick<Asked, "user" | "version" | "namespace" | "name">,
  authorizer: Authorizer,
): Promise<string | undefined> {
  let first: string | undefined;
  for (const verb of verbs) {
    const refusal = await refusalOf({ ...asked, verb, subresource: "driver" }, authorizer);
    if (refusal === undefined) return undefined;
    first ??= refusal;
  }
  return first;
}

interface Asked {
  readonly user: UserInfo;
  readonly verb: string;
  readonly version: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
}

async function refusalOf(asked: Asked, authorizer: Authorizer): Promise<string | undefined> {
  const what = { group: "resource.k8s.io", resource: "resourceclaims" };
  const attributes = { isResourceRequest: true, path: "", ...what, ...asked };
  const decision = await authorizer.authorize(attributes);
  if (decision.allowed) return undefined;
  const { reason = "", evaluationError = "" } = decision;
  const why = [evaluationError, reason].filter((text) => text !== "").join(": ");
  return forbiddenError(attributes, { ...decision, reason: why }).message;
}

/** The drivers of what was added, changed or taken away, in order. */
function changedDrivers(
  devices: readonly AllocatedDeviceStatus[],
  before: readonly AllocatedDeviceStatus[],
): readonly string[] {
  const gone = new Map(before.map((device) => [keyOf(device), device]));
  const drivers = new Set<string>();
  for (const device of devices) {
    const key = keyOf(device);
    const old = gone.get(key);
    gone.delete(key);
    if (old === undefined || !semanticEqual(old, device)) drivers.add(device.driver);
  }
  for (const { driver } of gone.values()) drivers.add(driver);
  return [...drivers].toSorted(compareStrings);
}

function keyOf({ driver, pool, device, shareID = "" }: AllocatedDeviceStatus): string {
  return JSON.stringify([driver, pool, device, shareID]);
}

/** The one node on which the allocation can be used; undefined when there are more. */
function nodeOf(allocation: AllocationResult | undefined): string | undefined {
  const [term, ...others] = allocation?.nodeSelector?.nodeSelectorTerms ?? [];
  const [match, ...more] = term?.matchFields ?? [];
  if (others.length > 0 || more.length > 0 || (term?.matchExpressions ?? []).length > 0) return undefined;
  if (match?.key !== "metadata.name" || match.operator !== "In" || match.values?.length !== 1)
    return undefined;
  return match.values[0];
}

function isOnNode({ name, extra }: UserInfo, node: string | undefined): boolean {
  if (node === undefined || node === "" || !SERVICE_ACCOUNT.test(name)) return false;
  const nodes = extra?.[NODE_NAME] ?? [];
  return nodes.length === 1 && nodes[0] === node;
}
