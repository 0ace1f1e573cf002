/** The webhooks of all configurations, in the order in which they are asked. @module */
import { compareStrings, labels } from "#apimachinery";
import type {
  MutatingWebhook,
  MutatingWebhookConfiguration,
  ValidatingWebhook,
  ValidatingWebhookConfiguration,
} from "#api/admissionregistration/v1/types.gen";
import type { ObjectLookup } from "../object-lookup.ts";
import type { Conditions } from "../policy/conditions.ts";
import { webhookConditions } from "./match-conditions.ts";

export type Configuration = MutatingWebhookConfiguration | ValidatingWebhookConfiguration;

export interface Webhook {
  /** Stays the same as long as the webhook does. */
  readonly id: string;
  /** Name of the object that it is configured by. */
  readonly configuration: string;
  readonly spec: MutatingWebhook | ValidatingWebhook;
  readonly isMutating: boolean;
  readonly namespaceSelector: labels.Selector;
  readonly objectSelector: labels.Selector;
  readonly conditions: Conditions;
}

const GROUP = "admissionregistration.k8s.io";
export const MUTATING: string = `${GROUP}/mutatingwebhookconfigurations`;
export const VALIDATING: string = `${GROUP}/validatingwebhookconfigurations`;

/** A source of webhooks that costs next to nothing while there are none; a change is seen with the next request. */
export function webhookSource(lookup: ObjectLookup, resource: string): () => readonly Webhook[] {
  // By the object itself: a configuration that changed is another object.
  const known = new WeakMap<Configuration, readonly Webhook[]>();
  const webhooksOf = (configuration: Configuration): readonly Webhook[] => {
    const found = known.get(configuration) ?? compile(configuration);
    known.set(configuration, found);
    return found;
  };
  return () => {
    const configurations = lookup.list(resource) as readonly Configuration[];
    if (configurations.length === 0) return [];
    return configurations
      .toSorted((a, b) => compareStrings(a.metadata.name, b.metadata.name))
      .flatMap(webhooksOf);
  };
}

function compile(configuration: Configuration): readonly Webhook[] {
  const { kind, metadata, webhooks = [] } = configuration;
  const seen = new Map<string, number>();
  return webhooks.map((spec) => {
    const count = seen.get(spec.name) ?? 0;
    seen.set(spec.name, count + 1);
    return {
      configuration: metadata.name,
      id: `${metadata.name}/${spec.name}/${count}`,
      spec,
      isMutating: kind === "MutatingWebhookConfiguration",
      namespaceSelector: labels.fromLabelSelector(spec.namespaceSelector ?? {}),
      objectSelector: labels.fromLabelSelector(spec.objectSelector ?? {}),
      conditions: webhookConditions(spec.matchConditions ?? [], spec.failurePolicy),
    };
  });
}
