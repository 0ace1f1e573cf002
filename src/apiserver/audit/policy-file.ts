/** The audit policy as people write it: read, and checked with upstream's messages. Pure. @module */
import {
  decodeTyped,
  DecodeError,
  field,
  findDuplicateYamlKeys,
  isDns1123Subdomain,
  isJsonObject,
  parseYaml,
  YamlError,
  type Schema,
  type StatusCause,
} from "#apimachinery";
import { BOOL, listOf, STRING, struct } from "../config-schema.ts";
import {
  AUDIT_API_VERSION,
  AUDIT_LEVELS,
  AUDIT_STAGES,
  type AuditGroupResources,
  type AuditPolicy,
  type AuditPolicyRule,
} from "./types.ts";

const ANY: Schema = { type: "untyped", form: "json" };
const STRINGS = listOf(STRING);

const GROUP_RESOURCES = struct("GroupResources", {
  group: STRING,
  resources: STRINGS,
  resourceNames: STRINGS,
});
const RULE = struct("PolicyRule", {
  level: STRING,
  users: STRINGS,
  userGroups: STRINGS,
  verbs: STRINGS,
  resources: listOf(GROUP_RESOURCES),
  namespaces: STRINGS,
  nonResourceURLs: STRINGS,
  omitStages: STRINGS,
  omitManagedFields: BOOL,
});
const POLICY = struct("Policy", {
  apiVersion: STRING,
  kind: STRING,
  metadata: ANY,
  rules: listOf(RULE),
  omitStages: STRINGS,
  omitManagedFields: BOOL,
});

/**
 * Throws an Error that says what is wrong. What is merely unknown or written twice is told to `warn`, and the rest
 * counts, as upstream: a policy that a newer version wrote must not keep a server from starting.
 */
export function parseAuditPolicy(text: string, warn: (problem: string) => void): AuditPolicy {
  const { object, unknownFields } = decode(text);
  const unknown = unknownFields.map((name) => `unknown field ${JSON.stringify(name)}`);
  const problems = [...findDuplicateYamlKeys(text), ...unknown];
  if (problems.length > 0) {
    const why = `strict decoding error: ${problems.join(", ")}`;
    warn(`Audit policy contains errors, falling back to lenient decoding: ${why}`);
  }
  const { rules = [], ...common } = object as Partial<AuditPolicy>;
  const policy: AuditPolicy = { ...common, rules };
  const causes = validateAuditPolicy(policy).map(({ field: path, message }) => `${path}: ${message}`);
  if (causes.length > 0) throw new Error(causes.length === 1 ? causes[0] : `[${causes.join(", ")}]`);
  if (rules.length === 0) throw new Error("loaded illegal policy with 0 rules");
  return policy;
}

function decode(text: string): ReturnType<typeof decodeTyped> {
  try {
    const value = parseYaml(text);
    if (!isJsonObject(value)) throw new Error("failed decoding: Object 'Kind' is missing in the policy");
    const { apiVersion, kind } = value;
    if (apiVersion !== AUDIT_API_VERSION || kind !== "Policy") {
      const words = [apiVersion, kind].map((word) => (typeof word === "string" ? word : ""));
      const what = words.join(", Kind=");
      throw new Error(`unknown group version field ${what} in policy`);
    }
    return decodeTyped(value, POLICY);
  } catch (err) {
    if (err instanceof YamlError || err instanceof DecodeError) {
      throw new Error(`failed decoding: ${err.message}`, { cause: err });
    }
    throw err;
  }
}

export function validateAuditPolicy({ omitStages = [], rules }: AuditPolicy): readonly StatusCause[] {
  return [
    ...validateStages(omitStages, "omitStages"),
    ...rules.flatMap((rule, i) => validateRule(rule, field.index("rules", i))),
  ];
}

function validateRule(rule: AuditPolicyRule, path: string): readonly StatusCause[] {
  const { nonResourceURLs = [], resources = [], namespaces = [], omitStages = [] } = rule;
  const urls = field.child(path, "nonResourceURLs");
  const both = nonResourceURLs.length > 0 && (resources.length > 0 || namespaces.length > 0);
  const why = "rules cannot apply to both regular resources and non-resource URLs";
  return [
    ...validateLevel(rule.level, field.child(path, "level")),
    ...nonResourceURLs.flatMap((url, i) => validateUrl(url, field.index(urls, i))),
    ...resources.flatMap((entry) => validateResources(entry, field.child(path, "resources"))),
    ...validateStages(omitStages, field.child(path, "omitStages")),
    ...(both ? [field.invalid(urls, nonResourceURLs, why)] : []),
  ];
}

function validateLevel(level: string | undefined, path: string): readonly StatusCause[] {
  if (level === undefined || level === "") return [field.required(path)];
  if ((AUDIT_LEVELS as readonly string[]).includes(level)) return [];
  return [field.notSupported(path, level, AUDIT_LEVELS)];
}

function validateUrl(url: string, path: string): readonly StatusCause[] {
  if (url === "*") return [];
  const causes: StatusCause[] = [];
  if (!url.startsWith("/")) {
    causes.push(field.invalid(path, url, "non-resource URL rules must begin with a '/' character"));
  }
  if (url.slice(0, -1).includes("*")) {
    const why = "non-resource URL wildcards '*' must be the final character of the rule";
    causes.push(field.invalid(path, url, why));
  }
  return causes;
}

function validateResources(
  { group = "", resources = [], resourceNames = [] }: AuditGroupResources,
  path: string,
): readonly StatusCause[] {
  const problems = group === "" || group === "*" ? [] : isDns1123Subdomain(group);
  const isNameless = resourceNames.length > 0 && resources.length === 0;
  const why = "using resourceNames requires at least one resource";
  return [
    ...(problems.length > 0 ? [field.invalid(field.child(path, "group"), group, problems.join(","))] : []),
    ...(isNameless ? [field.invalid(field.child(path, "resourceNames"), resourceNames, why)] : []),
  ];
}

function validateStages(stages: readonly string[], path: string): readonly StatusCause[] {
  const why = `allowed stages are ${AUDIT_STAGES.join(",")}`;
  return stages.flatMap((stage, i) =>
    (AUDIT_STAGES as readonly string[]).includes(stage)
      ? []
      : [field.invalid(field.index(path, i), stage, why)],
  );
}
