/** Who writes admission policies and their bindings must be allowed to read the parameters: messages of a policy may show them. @module */
import { compareStrings, field, invalid, type Kind, type KubeObject, type StatusCause } from "#apimachinery";
import { MutatingAdmissionPolicies } from "#api/admissionregistration/v1/mutatingadmissionpolicy";
import { MutatingAdmissionPolicyBindings } from "#api/admissionregistration/v1/mutatingadmissionpolicybinding";
import type {
  ParamKind,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
} from "#api/admissionregistration/v1/types.gen";
import { ValidatingAdmissionPolicies } from "#api/admissionregistration/v1/validatingadmissionpolicy";
import { ValidatingAdmissionPolicyBindings } from "#api/admissionregistration/v1/validatingadmissionpolicybinding";
import {
  SYSTEM_MASTERS,
  type AuthorizationAttributes,
  type Authorizer,
  type UserInfo,
} from "../user-info.ts";
import type { RequestContext } from "./context.ts";
import { nothingBegun, type Begun, type ResourceHooks } from "./resource-hooks.ts";
import type { ServedResource } from "./served-resource.ts";

const GROUP = "admissionregistration.k8s.io";

export interface PolicyParamFacts {
  readonly authorizer: Authorizer;
  readonly findKind: (apiVersion: string, kind: string) => ServedResource | undefined;
  readonly lookup: {
    readonly getLive: (resource: string, namespace: string, name: string) => Promise<KubeObject | undefined>;
  };
}

/** Where the cause stands and what it says; undefined: the write is allowed. */
type Check = (
  object: KubeObject,
  old: KubeObject | undefined,
  user: UserInfo,
) => Promise<StatusCause | undefined>;

export function policyParamHooks(
  facts: PolicyParamFacts,
): readonly (readonly [resource: string, hooks: ResourceHooks])[] {
  const policies: Check = (object, old, user) =>
    checkPolicy(
      object as ValidatingAdmissionPolicy,
      old as ValidatingAdmissionPolicy | undefined,
      user,
      facts,
    );
  const bindings =
    (policyResource: string): Check =>
    (object, _old, user) =>
      checkBinding(object as ValidatingAdmissionPolicyBinding, policyResource, user, facts);
  return [
    [`${GROUP}/validatingadmissionpolicies`, hooksOf(ValidatingAdmissionPolicies, policies)],
    [`${GROUP}/mutatingadmissionpolicies`, hooksOf(MutatingAdmissionPolicies, policies)],
    [
      `${GROUP}/validatingadmissionpolicybindings`,
      hooksOf(ValidatingAdmissionPolicyBindings, bindings("validatingadmissionpolicies")),
    ],
    [
      `${GROUP}/mutatingadmissionpolicybindings`,
      hooksOf(MutatingAdmissionPolicyBindings, bindings("mutatingadmissionpolicies")),
    ],
  ];
}

/** What is wrong otherwise is validation's matter, and said by it alone. */
function hooksOf<T extends KubeObject>(kind: Kind<T>, check: Check): ResourceHooks {
  const begin = async (
    object: KubeObject,
    old: KubeObject | undefined,
    { user }: RequestContext,
  ): Promise<Begun> => {
    const isFree = user.groups.includes(SYSTEM_MASTERS) || (kind.validate?.(object as T) ?? []).length > 0;
    const cause = isFree ? undefined : await check(object, old, user);
    if (cause !== undefined) throw invalid(kind, object.metadata.name, [cause]);
    return nothingBegun(object);
  };
  return {
    beginCreate: (object, context) => begin(object, undefined, context),
    beginUpdate: (object, old, context) => begin(object, old, context),
  };
}

async function checkPolicy(
  { spec }: ValidatingAdmissionPolicy,
  old: ValidatingAdmissionPolicy | undefined,
  user: UserInfo,
  { authorizer, findKind }: PolicyParamFacts,
): Promise<StatusCause | undefined> {
  const paramKind = spec?.paramKind;
  if (paramKind === undefined || isSameKind(paramKind, old?.spec?.paramKind)) return undefined;
  const { apiVersion = "", kind = "" } = paramKind;
  const { resolved } = resolve(paramKind, findKind);
  const asked = { verb: "get", name: "*", namespace: "*", ...resolved };
  const { isAllowed, error } = await ask(authorizer, user, asked);
  if (isAllowed) return undefined;
  const refusal = `user ${shown(user)} must have "get" permission on all objects of the referenced paramKind (kind=${kind}, apiVersion=${apiVersion})`;
  return field.forbidden("spec.paramKind", error ?? refusal);
}

function isSameKind({ apiVersion, kind }: ParamKind, old: ParamKind | undefined): boolean {
  return old !== undefined && old.apiVersion === apiVersion && old.kind === kind;
}

/** At every write, as upstream: it compares the old reference by pointers that are never equal. */
async function checkBinding(
  { spec }: ValidatingAdmissionPolicyBinding,
  policyResource: string,
  user: UserInfo,
  { authorizer, findKind, lookup }: PolicyParamFacts,
): Promise<StatusCause | undefined> {
  const { paramRef, policyName } = spec;
  if (paramRef === undefined) return undefined;
  const policy = (await lookup.getLive(`${GROUP}/${policyResource}`, "", policyName)) as
    | ValidatingAdmissionPolicy
    | undefined;
  const paramKind = policy?.spec?.paramKind;
  const { resolved, problem } = paramKind === undefined ? { resolved: ANY } : resolve(paramKind, findKind);
  const { name = "", namespace = "" } = paramRef;
  const verb = name === "" ? "list" : "get";
  const { isAllowed, error } = await ask(authorizer, user, { verb, name, namespace, ...resolved });
  if (isAllowed) return undefined;
  const who = `user ${shown(user)} does not have "${verb}" permission`;
  const everywhere = `to determine minimum required permissions and ${who} for all groups, versions and resources`;
  const refusal =
    policy === undefined
      ? `unable to get policy ${policyName} ${everywhere}`
      : problem === undefined
        ? `${who} on the object referenced by paramRef`
        : `unable to ${problem} paramKind &ParamKind{APIVersion:${paramKind?.apiVersion},Kind:${paramKind?.kind},} ${everywhere}`;
  const text = error === undefined ? refusal : `failed to authorize request: ${error}`;
  return field.forbidden("spec.paramRef", text);
}

type What = Pick<AuthorizationAttributes, "group" | "version" | "resource">;

/** What cannot be found out needs the right to everything. */
const ANY: What = { group: "*", version: "*", resource: "*" };

function resolve(
  { apiVersion = "", kind = "" }: ParamKind,
  findKind: PolicyParamFacts["findKind"],
): { readonly resolved: What; readonly problem?: "parse" | "resolve" } {
  const parts = apiVersion.split("/");
  if (parts.length > 2) return { resolved: ANY, problem: "parse" };
  const [version = "", group = ""] = parts.toReversed();
  const found = findKind(apiVersion, kind);
  if (found === undefined) return { resolved: { group, version, resource: "*" }, problem: "resolve" };
  return { resolved: { group, version, resource: found.kind.names.plural } };
}

async function ask(
  authorizer: Authorizer,
  user: UserInfo,
  asked: What & Pick<AuthorizationAttributes, "verb" | "name" | "namespace">,
): Promise<{ readonly isAllowed: boolean; readonly error: string | undefined }> {
  const attributes = { user, isResourceRequest: true, path: "", subresource: "", ...asked };
  const { allowed, evaluationError } = await authorizer.authorize(attributes);
  return { isAllowed: allowed, error: evaluationError };
}

/** As upstream prints a user: name, uid, groups and the extra fields in the order of their keys. */
function shown({ name, uid = "", groups, extra = {} }: UserInfo): string {
  const fields = Object.entries(extra)
    .toSorted(([a], [b]) => compareStrings(a, b))
    .map(([key, values]) => `${key}:[${values.join(" ")}]`);
  return `&{${name} ${uid} [${groups.join(" ")}] map[${fields.join(" ")}]}`;
}
