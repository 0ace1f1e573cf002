/** Which webhooks a request concerns, and in which version they want to see it; upstream's `ShouldCallHook`. @module */
import { forbidden, labels, notFound, type Kind, type KubeObject } from "#apimachinery";
import type { ServedResource } from "../../registry/served-resource.ts";
import type { Authorizer } from "../../user-info.ts";
import type { ObjectLookup } from "../object-lookup.ts";
import type { Attributes } from "../plugin.ts";
import { settled } from "../policy/authorizer.ts";
import { PolicyRequest } from "../policy/policy-request.ts";
import { ruleMatches } from "./match-rules.ts";
import type { Webhook } from "./webhook.ts";

const NAMESPACES = "core/namespaces";
/** Webhooks about webhooks could lock everybody out. */
const EXEMPT: ReadonlySet<string> = new Set(
  [
    "mutatingwebhookconfigurations",
    "validatingwebhookconfigurations",
    "mutatingadmissionpolicies",
    "mutatingadmissionpolicybindings",
    "validatingadmissionpolicies",
    "validatingadmissionpolicybindings",
  ].map((plural) => `admissionregistration.k8s.io/${plural}`),
);

export interface Invocation {
  readonly webhook: Webhook;
  /** In the version that the webhook is to see. */
  readonly served: ServedResource;
}

export interface InvocationFacts {
  readonly lookup: ObjectLookup;
  /** All versions of a resource, by `apps/deployments`. */
  readonly versionsOf: (resource: string) => readonly ServedResource[];
  /** What expressions ask. */
  readonly authorizer: Authorizer;
}

export function isExempt({ resource, isOwn }: Attributes): boolean {
  return isOwn === true || EXEMPT.has(resource);
}

/** Undefined: the webhook has nothing to do with the request. `object` is its present state, as it is stored. */
export async function invocationOf(
  webhook: Webhook,
  object: KubeObject | undefined,
  attributes: Attributes,
  facts: InvocationFacts,
): Promise<Invocation | undefined> {
  const { lookup, versionsOf } = facts;
  // Rules first: they are what usually says no, and cost least.
  const served = matchedVersion(webhook, attributes, versionsOf);
  if (served === undefined) return undefined;
  if (!objectMatches(webhook, object, attributes.oldObject)) return undefined;
  const isSelected = await namespaceMatches(webhook, object, attributes, lookup);
  if (!isSelected || !(await conditionsHold(webhook, served, object, attributes, facts))) return undefined;
  return { webhook, served };
}

function matchedVersion(
  { spec }: Webhook,
  attributes: Attributes,
  versionsOf: InvocationFacts["versionsOf"],
): ServedResource | undefined {
  const { rules = [], matchPolicy = "Equivalent" } = spec;
  if (rules.length === 0) return undefined;
  const versions = versionsOf(attributes.resource);
  const requested = versions.find(({ kind }) => isSame(kind, attributes.requestKind));
  if (requested === undefined) return undefined;
  const matches = ({ kind }: ServedResource, rule: (typeof rules)[number]): boolean =>
    ruleMatches(rule, { group: kind.group, version: kind.version, plural: kind.names.plural }, attributes);
  if (rules.some((rule) => matches(requested, rule))) return requested;
  if (matchPolicy !== "Equivalent") return undefined;
  for (const rule of rules) {
    const found = versions.find((served) => served !== requested && matches(served, rule));
    if (found !== undefined) return found;
  }
  return undefined;
}

function isSame(a: Kind, b: Kind): boolean {
  return a.group === b.group && a.version === b.version;
}

/** The new state or the old one: who takes a label off does not escape. */
export function objectMatches(
  { objectSelector }: Pick<Webhook, "objectSelector">,
  object: KubeObject | undefined,
  old: KubeObject | undefined,
): boolean {
  if (objectSelector.requirements.length === 0 && objectSelector.nothing !== true) return true;
  return [object, old].some((state) => {
    // Options of connections have no metadata.
    const metadata = (state as Partial<KubeObject> | undefined)?.metadata;
    return metadata !== undefined && labels.matches(objectSelector, metadata.labels);
  });
}

export async function namespaceMatches(
  { namespaceSelector }: Pick<Webhook, "namespaceSelector">,
  object: KubeObject | undefined,
  { resource, namespace, name, operation, subresource }: Attributes,
  lookup: ObjectLookup,
): Promise<boolean> {
  const isNamespace = resource === NAMESPACES;
  if (namespaceSelector.requirements.length === 0 && namespaceSelector.nothing !== true) return true;
  if (namespace === "" && !isNamespace) return true;
  if (isNamespace && subresource === "" && (operation === "CREATE" || operation === "UPDATE")) {
    return labels.matches(namespaceSelector, object?.metadata.labels);
  }
  const wanted = isNamespace ? name : namespace;
  const found = lookup.get(NAMESPACES, "", wanted) ?? (await lookup.getLive(NAMESPACES, "", wanted));
  if (found === undefined) throw notFound({ group: "", resource: "namespaces" }, wanted);
  return labels.matches(namespaceSelector, found.metadata.labels);
}

async function conditionsHold(
  { conditions }: Webhook,
  served: ServedResource,
  object: KubeObject | undefined,
  attributes: Attributes,
  { authorizer }: InvocationFacts,
): Promise<boolean> {
  if (conditions.isEmpty) return true;
  const input = new PolicyRequest(attributes, authorizer).input(served, object, undefined, undefined);
  const matched = await settled(() => conditions.match(input));
  if (typeof matched === "boolean") return matched;
  const { group, names } = attributes.requestKind;
  throw forbidden({ group, resource: names.plural }, attributes.name, matched.error);
}
