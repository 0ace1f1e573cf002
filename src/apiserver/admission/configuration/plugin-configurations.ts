/** The configurations of all plugins, read and judged, and the webhooks that they name, opened. @module */
import type { Clock } from "#apimachinery";
import { ConfigError } from "#component-base";
import { eventLimits, type EventLimit } from "../event-rate-limit/configuration.ts";
import { openImagePolicy, type ImagePolicy } from "../image-policy/configuration.ts";
import { nodeSelectors } from "./node-selectors.ts";
import type { NodeSelectors } from "../pod-node-selector.ts";
import { podSecurityConfiguration, type PodSecurityConfiguration } from "../pod-security/configuration.ts";
import {
  tolerationRestriction,
  type TolerationRestriction,
} from "../pod-toleration-restriction/configuration.ts";
import { limitedResources, type LimitedResource } from "../quota/configuration.ts";
import { webhookCredentials, type FindCredentials } from "../webhook/credentials.ts";
import { readAdmissionConfiguration, type PluginDocument } from "./admission-configuration.ts";

export interface PluginConfigurations {
  readonly podSecurity?: PodSecurityConfiguration;
  readonly eventLimits?: readonly EventLimit[];
  readonly nodeSelectors?: NodeSelectors;
  readonly tolerations?: TolerationRestriction;
  readonly limitedResources?: readonly LimitedResource[];
  readonly imagePolicy?: ImagePolicy;
  /** How the server proves itself to webhooks. */
  readonly mutatingWebhook?: FindCredentials;
  readonly validatingWebhook?: FindCredentials;
}

export interface OpenWorld {
  readonly clock: Clock;
  readonly random: () => number;
}

/** By plugin: what its document becomes. */
type Openers = {
  readonly [Name in keyof PluginConfigurations]-?: {
    readonly plugin: string;
    readonly open: (
      document: PluginDocument,
      world: OpenWorld,
    ) => NonNullable<PluginConfigurations[Name]> | Promise<NonNullable<PluginConfigurations[Name]>>;
  };
};

const OPENERS: Openers = {
  podSecurity: { plugin: "PodSecurity", open: podSecurityConfiguration },
  eventLimits: { plugin: "EventRateLimit", open: eventLimits },
  nodeSelectors: { plugin: "PodNodeSelector", open: nodeSelectors },
  tolerations: { plugin: "PodTolerationRestriction", open: tolerationRestriction },
  limitedResources: { plugin: "ResourceQuota", open: limitedResources },
  imagePolicy: { plugin: "ImagePolicyWebhook", open: openImagePolicy },
  mutatingWebhook: { plugin: "MutatingAdmissionWebhook", open: webhookCredentials },
  validatingWebhook: { plugin: "ValidatingAdmissionWebhook", open: webhookCredentials },
};

/** Those of the plugins that `isOn`: others are not looked at. Rejects with what is wrong. */
export async function openPluginConfigurations(
  file: string,
  isOn: (plugin: string) => boolean,
  world: OpenWorld,
): Promise<PluginConfigurations> {
  const documents = await readAdmissionConfiguration(file);
  const opened: Record<string, unknown> = {};
  for (const [name, { plugin, open }] of Object.entries(OPENERS)) {
    const document = documents.get(plugin);
    if (document === undefined || !isOn(plugin)) continue;
    try {
      opened[name] = await open(document, world);
    } catch (err) {
      throw new ConfigError(
        `couldn't init admission plugin ${JSON.stringify(plugin)}: ${(err as Error).message}`,
        { cause: err },
      );
    }
  }
  return opened;
}
