/** What PodTolerationRestriction is configured with: `podtolerationrestriction.admission.k8s.io/v1alpha1`. @module */
import { field, type ScalarSchema } from "#apimachinery";
import type { Toleration } from "#api/core/v1/types.gen";
import { validateTolerations } from "#api/validation/tolerations";
import { parseConfig } from "#component-base";
import { listOf, STRING, struct } from "../../config-schema.ts";
import type { PluginDocument } from "../configuration/admission-configuration.ts";

/** For namespaces that name none of their own. */
export interface TolerationRestriction {
  readonly default: readonly Toleration[];
  /** Empty: all are allowed. */
  readonly whitelist: readonly Toleration[];
}

const SECONDS: ScalarSchema = { type: "scalar", scalar: "int64" };
const TOLERATIONS = listOf(
  struct("Toleration", {
    key: STRING,
    operator: STRING,
    value: STRING,
    effect: STRING,
    tolerationSeconds: SECONDS,
  }),
);
const PATH = "podtolerationrestriction";

/** Throws `ConfigError`. */
export function tolerationRestriction({ text, source }: PluginDocument): TolerationRestriction {
  return parseConfig(text, source, {
    apiVersion: "podtolerationrestriction.admission.k8s.io/v1alpha1",
    kind: "Configuration",
    schema: struct("Configuration", {
      apiVersion: STRING,
      kind: STRING,
      default: TOLERATIONS,
      whitelist: TOLERATIONS,
    }),
    defaults: (config) => ({
      default: [],
      whitelist: [],
      ...(config as unknown as Partial<TolerationRestriction>),
    }),
    validate: (config) => [
      ...validateTolerations(config.default, field.child(PATH, "default")),
      ...validateTolerations(config.whitelist, field.child(PATH, "whitelist")),
    ],
  });
}
