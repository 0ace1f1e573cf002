/** Which webhooks a request concerns, and in which version they want to see it; upstream's `ShouldCallHook`. @module */
import { forbidden, labels, notFound, type Kind, type KubeObject } from "#apimachinery";
import type { ServedResource } from "../../registry/served-resource.ts";
import type { ObjectLookup } from "../object-lookup.ts";
import type { Attributes } from "../plugin.ts";
import { ruleMatches } from "./match-rules.ts";
import { requestOf } from "./review.ts";
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
}

export function isExempt({ resource, isOwn }: Attributes): boolean {
  return isOwn === true || EXEMPT.has(resource);
}

/** Undefined: the webhook has nothing to do with the request. `object` is its present state, as it is stored. */
export async function invocationOf(
  webhook: Webhook,
  object: KubeObject | undefined,
  attributes: Attributes,
  { lookup, versionsOf }: InvocationFacts,
): Promise<Invocation | undefined> {
  // Rules first: they are what usually says no, and cost least.
  const served = matchedVersion(webhook, attributes, versionsOf);
  if (served === undefined) return undefined;
  if (!objectMatches(webhook, object, attributes.oldObject)) return undefined;
  const isSelected = await namespaceMatches(webhook, object, attributes, lookup);
  if (!isSelected || !conditionsHold(webhook, served, object, attributes)) return undefined;
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
function objectMatches(
  { objectSelector }: Webhook,
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

async function namespaceMatches(
  { namespaceSelector }: Webhook,
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

function conditionsHold(
  { conditions }: Webhook,
  served: ServedResource,
  object: KubeObject | undefined,
  attributes: Attributes,
): boolean {
  if (conditions.isEmpty) return true;
  const shown = inVersion(served, object, attributes);
  const old = inVersion(served, attributes.oldObject, attributes);
  const request = requestOf({ uid: "", kind: served.kind, object: shown, oldObject: old, attributes });
  const { object: _object, oldObject: _old, ...seen } = request;
  try {
    return conditions.hold({ object: shown ?? null, oldObject: old ?? null, request: seen });
  } catch (cause) {
    const { group, names } = attributes.requestKind;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw forbidden({ group, resource: names.plural }, attributes.name, why);
  }
}

/** A stored object as one of its versions shows it, in the namespace of the request; what is no such object stays as it is. */
export function inVersion(
  { fromStored, kind }: ServedResource,
  object: KubeObject | undefined,
  { namespace, objectKind }: Pick<Attributes, "namespace" | "objectKind">,
): KubeObject | undefined {
  if (object === undefined || objectKind !== undefined) return object;
  const shown = fromStored === undefined ? object : fromStored(object);
  if (kind.scope !== "Namespaced" || shown.metadata.namespace !== undefined) return shown;
  return { ...shown, metadata: { ...shown.metadata, namespace } };
}
