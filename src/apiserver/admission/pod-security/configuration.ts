/** What PodSecurity is configured with: the levels of namespaces without labels, and who is exempt. @module */
import { field, isDns1123Label, isDns1123Subdomain, type StatusCause } from "#apimachinery";
import { parseConfig } from "#component-base";
import { listOf, STRING, struct } from "../../config-schema.ts";
import type { PluginDocument } from "../configuration/admission-configuration.ts";
import { parseMode, type Policy } from "./policy.ts";

export interface PodSecurityConfiguration {
  readonly defaults: Policy;
  readonly exemptions: Exemptions;
}

export interface Exemptions {
  readonly usernames: readonly string[];
  readonly runtimeClasses: readonly string[];
  readonly namespaces: readonly string[];
}

type Modes = "enforce" | "audit" | "warn";
type Defaults = Partial<Record<Modes | `${Modes}-version`, string>>;

interface Given {
  readonly defaults: Defaults;
  readonly exemptions: Exemptions;
}

const MODES: readonly Modes[] = ["enforce", "warn", "audit"];
const GROUP = "pod-security.admission.config.k8s.io";
const VERSIONS = [`${GROUP}/v1`, `${GROUP}/v1beta1`, `${GROUP}/v1alpha1`];
const SCHEMA = struct("PodSecurityConfiguration", {
  apiVersion: STRING,
  kind: STRING,
  defaults: struct(
    "PodSecurityDefaults",
    Object.fromEntries(MODES.flatMap((mode) => [mode, `${mode}-version`]).map((name) => [name, STRING])),
  ),
  exemptions: struct("PodSecurityExemptions", {
    usernames: listOf(STRING),
    runtimeClasses: listOf(STRING),
    namespaces: listOf(STRING),
  }),
});

/** Throws `ConfigError`. */
export function podSecurityConfiguration(document: PluginDocument): PodSecurityConfiguration {
  const { text, source, apiVersion } = document;
  const { defaults, exemptions } = parseConfig<Given>(text, source, {
    apiVersion: VERSIONS.includes(apiVersion) ? apiVersion : VERSIONS[0]!,
    kind: "PodSecurityConfiguration",
    schema: SCHEMA,
    defaults: (config) => ({
      defaults: config["defaults"] ?? {},
      exemptions: {
        usernames: [],
        runtimeClasses: [],
        namespaces: [],
        ...(config["exemptions"] as Partial<Exemptions> | undefined),
      },
    }),
    validate: (given) => [...defaultCauses(given.defaults), ...exemptionCauses(given.exemptions)],
  });
  const read = (mode: Modes) => levelOf(defaults, mode).level;
  return { defaults: { enforce: read("enforce"), audit: read("audit"), warn: read("warn") }, exemptions };
}

/** An empty value counts as none. */
function levelOf(defaults: Defaults, mode: Modes): ReturnType<typeof parseMode> {
  return parseMode(mode, defaults[mode] || "privileged", defaults[`${mode}-version`] || "latest");
}

function defaultCauses(defaults: Defaults): readonly StatusCause[] {
  return MODES.flatMap((mode) => {
    const { levelProblem, versionProblem } = levelOf(defaults, mode);
    const at = field.child("defaults", mode);
    return [
      ...(levelProblem === undefined ? [] : [field.invalid(at, defaults[mode], levelProblem)]),
      ...(versionProblem === undefined
        ? []
        : [field.invalid(`${at}-version`, defaults[`${mode}-version`], versionProblem)]),
    ];
  });
}

function exemptionCauses({ namespaces, runtimeClasses, usernames }: Exemptions): readonly StatusCause[] {
  return [
    ...listCauses("namespaces", namespaces, isDns1123Label),
    ...listCauses("runtimeClasses", runtimeClasses, isDns1123Subdomain),
    ...listCauses("usernames", usernames, (name) => (name === "" ? ["username must not be empty"] : [])),
  ];
}

function listCauses(
  name: keyof Exemptions,
  values: readonly string[],
  rule: (value: string) => readonly string[],
): readonly StatusCause[] {
  return values.flatMap((value, i) => {
    const path = field.index(field.child("exemptions", name), i);
    const problems = rule(value);
    if (problems.length > 0) return [field.invalid(path, value, problems.join(", "))];
    return values.indexOf(value) < i ? [field.duplicate(path, value)] : [];
  });
}
