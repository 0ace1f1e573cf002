/** What EventRateLimit is configured with: `eventratelimit.admission.k8s.io/v1alpha1`. @module */
import { field, type ScalarSchema, type StatusCause } from "#apimachinery";
import { parseConfig } from "#component-base";
import { listOf, STRING, struct } from "../../config-schema.ts";
import type { PluginDocument } from "../configuration/admission-configuration.ts";

export interface EventLimit {
  readonly type: string;
  readonly qps: number;
  readonly burst: number;
  /** Keys whose buckets are kept; 0: upstream's 4096. */
  readonly cacheSize: number;
}

const INT: ScalarSchema = { type: "scalar", scalar: "int32" };
const TYPES = ["Server", "Namespace", "User", "SourceAndObject"];
const SCHEMA = struct("Configuration", {
  apiVersion: STRING,
  kind: STRING,
  limits: listOf(struct("Limit", { type: STRING, qps: INT, burst: INT, cacheSize: INT })),
});

/** Throws `ConfigError`. */
export function eventLimits({ text, source }: PluginDocument): readonly EventLimit[] {
  return parseConfig(text, source, {
    apiVersion: "eventratelimit.admission.k8s.io/v1alpha1",
    kind: "Configuration",
    schema: SCHEMA,
    defaults: ({ limits = [] }) =>
      (limits as readonly Partial<EventLimit>[]).map((limit) => ({
        type: "",
        qps: 0,
        burst: 0,
        cacheSize: 0,
        ...limit,
      })),
    validate: causesOf,
  });
}

function causesOf(limits: readonly EventLimit[]): readonly StatusCause[] {
  if (limits.length === 0) return [field.invalid("limits", [], "must not be empty")];
  return limits.flatMap(({ type, qps, burst, cacheSize }, i) => {
    const at = (name: string): string => field.child(field.index("limits", i), name);
    return [
      ...(TYPES.includes(type) ? [] : [field.notSupported(at("type"), type, TYPES)]),
      ...(burst > 0 ? [] : [field.invalid(at("burst"), burst, "must be positive")]),
      ...(qps > 0 ? [] : [field.invalid(at("qps"), qps, "must be positive")]),
      ...(type === "Server" || cacheSize >= 0
        ? []
        : [field.invalid(at("cacheSize"), cacheSize, "must not be negative")]),
    ];
  });
}
