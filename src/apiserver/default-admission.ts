/** The admission chain of a server, with what its plugins need of the server. @module */
import type { Agent } from "node:https";
import type { Clock, Logger } from "#apimachinery";
import { defaultPlugins } from "./admission/default-plugins.ts";
import type { AdmissionMetrics } from "./admission/metrics.ts";
import type { ObjectLookup } from "./admission/object-lookup.ts";
import { systemContext } from "./bootstrap/bootstrap.ts";
import { AdmissionChain } from "./admission/plugin.ts";
import { quotaAccess } from "./admission/quota/quota-access.ts";
import type { ServiceResolver } from "./admission/webhook/target.ts";
import type { ApiServerOptions } from "./options.ts";
import type { Registry } from "./registry/registry.ts";
import type { Authorizer } from "./user-info.ts";

export interface AdmissionParts {
  readonly options: ApiServerOptions;
  readonly lookup: ObjectLookup;
  readonly registry: () => Registry;
  readonly authorizer: Authorizer;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  /** How webhooks are reached. */
  readonly resolve: ServiceResolver;
  readonly agent: Agent;
  readonly signal: AbortSignal;
  readonly metrics: AdmissionMetrics;
}

export function defaultAdmission(parts: AdmissionParts): AdmissionChain {
  const { options, lookup, registry, authorizer, clock, random, logger, resolve, agent, signal, metrics } =
    parts;
  const { admissionConfigurations: configurations = {} } = options;
  const { imagePolicy } = configurations;
  signal.addEventListener("abort", () => void imagePolicy?.webhook.close(), { once: true });
  const versionsOf = (resource: string) => registry().versionsOf(resource);
  return new AdmissionChain(
    defaultPlugins({
      lookup,
      quotas: quotaAccess(lookup, registry, signal),
      webhooks: { lookup, versionsOf, authorizer, resolve, clock, random, agent, logger, metrics },
      findKind: (apiVersion, kind) => registry().findKind(apiVersion, kind),
      createNamespace: (name) => createNamespace(registry(), name, signal),
      configurations,
      authorizer,
      clock,
      random,
      enabled: options.enabledAdmissionPlugins ?? [],
      disabled: options.disabledAdmissionPlugins ?? [],
    }),
    metrics,
  );
}

async function createNamespace(registry: Registry, name: string, signal: AbortSignal): Promise<void> {
  const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name } };
  const object = registry.scheme.applyDefaults(namespace);
  await registry.store("core/namespaces").create("", object, systemContext(signal));
}
