/** Rules for what a FlowSchema says: precedence, subjects, rules. @module */
import { field, isDns1123Label, isDns1123Subdomain } from "#apimachinery";
import { each, NONE, obeys, type Causes } from "../../validation/common.ts";
import type {
  FlowSchemaSpec,
  NonResourcePolicyRule,
  PolicyRulesWithSubjects,
  ResourcePolicyRule,
  ServiceAccountSubject,
  Subject,
} from "./types.gen.ts";

const PRECEDENCE_MAX = 10_000;
const DISTINGUISHERS = ["ByNamespace", "ByUser"];
const VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch"];
const SUBJECT_KINDS = ["Group", "ServiceAccount", "User"];

export function validateFlowSchemaSpec(name: string, spec: FlowSchemaSpec, path: string): Causes {
  const { matchingPrecedence: precedence = 0, distinguisherMethod, priorityLevelConfiguration } = spec;
  const at = field.child(path, "matchingPrecedence");
  const levelPath = field.child(path, "priorityLevelConfiguration", "name");
  const level = priorityLevelConfiguration?.name ?? "";
  return field.all(
    precedence <= 0 ? [field.invalid(at, precedence, "must be a positive value")] : NONE,
    precedence > PRECEDENCE_MAX
      ? [field.invalid(at, precedence, `must not be greater than ${PRECEDENCE_MAX}`)]
      : NONE,
    precedence === 1 && name !== "exempt"
      ? [field.invalid(at, precedence, "only the schema named 'exempt' may have matchingPrecedence 1")]
      : NONE,
    distinguisherMethod !== undefined && !DISTINGUISHERS.includes(distinguisherMethod.type)
      ? [
          field.notSupported(
            field.child(path, "distinguisherMethod", "type"),
            distinguisherMethod,
            DISTINGUISHERS,
          ),
        ]
      : NONE,
    level === ""
      ? [field.required(levelPath, "must reference a priority level")]
      : obeys(isDns1123Subdomain, level, levelPath),
    each(spec.rules, field.child(path, "rules"), validateRules),
  );
}

function validateRules(rule: Partial<PolicyRulesWithSubjects>, path: string): Causes {
  const { subjects = [], resourceRules = [], nonResourceRules = [] } = rule;
  const subjectsPath = field.child(path, "subjects");
  return field.all(
    subjects.length === 0
      ? [field.required(subjectsPath, "subjects must contain at least one value")]
      : each(subjects, subjectsPath, validateSubject),
    resourceRules.length === 0 && nonResourceRules.length === 0
      ? [field.required(path, "at least one of resourceRules and nonResourceRules has to be non-empty")]
      : NONE,
    each(resourceRules, field.child(path, "resourceRules"), validateResourceRule),
    each(nonResourceRules, field.child(path, "nonResourceRules"), validateNonResourceRule),
  );
}

/** In the order in which upstream complains of what belongs to other kinds. */
function validateSubject(subject: Subject, path: string): Causes {
  const { kind, user, group, serviceAccount } = subject;
  const forbid = (name: "user" | "group" | "serviceAccount", wanted: string): Causes =>
    subject[name] === undefined
      ? NONE
      : [
          field.forbidden(
            field.child(path, name),
            `${name} is forbidden when subject kind is not '${wanted}'`,
          ),
        ];
  switch (kind) {
    case "ServiceAccount":
      return field.all(
        validateAccount(serviceAccount, field.child(path, "serviceAccount")),
        forbid("user", "User"),
        forbid("group", "Group"),
      );
    case "User":
      return field.all(
        validateNamed(user, "user", "User", path),
        forbid("serviceAccount", "ServiceAccount"),
        forbid("group", "Group"),
      );
    case "Group":
      return field.all(
        validateNamed(group, "group", "Group", path),
        forbid("serviceAccount", "ServiceAccount"),
        forbid("user", "User"),
      );
    default:
      return [field.notSupported(field.child(path, "kind"), kind, SUBJECT_KINDS)];
  }
}

function validateNamed(
  named: { readonly name: string } | undefined,
  name: string,
  kind: string,
  path: string,
): Causes {
  const at = field.child(path, name);
  if (named === undefined) return [field.required(at, `${name} is required when subject kind is '${kind}'`)];
  return named.name === "" || named.name === undefined ? [field.required(field.child(at, "name"))] : NONE;
}

function validateAccount(account: Partial<ServiceAccountSubject> | undefined, path: string): Causes {
  if (account === undefined) {
    return [field.required(path, "serviceAccount is required when subject kind is 'ServiceAccount'")];
  }
  const { name = "", namespace = "" } = account;
  const namePath = field.child(path, "name");
  const namespacePath = field.child(path, "namespace");
  return field.all(
    name === "" ? [field.required(namePath)] : NONE,
    name === "" || name === "*" ? NONE : obeys(isDns1123Subdomain, name, namePath),
    namespace === ""
      ? [field.required(namespacePath, "must specify namespace for service account")]
      : obeys(isDns1123Label, namespace, namespacePath),
  );
}

function validateResourceRule(rule: ResourcePolicyRule, path: string): Causes {
  const { namespaces = [], clusterScope = false } = rule;
  const namespacesPath = field.child(path, "namespaces");
  const isNowhere = namespaces.length === 0 && !clusterScope;
  return field.all(
    validateVerbs(rule.verbs, path),
    validateList(rule.apiGroups, path, {
      name: "apiGroups",
      required: "resource rules must supply at least one api group",
      others: "api groups",
    }),
    validateList(rule.resources, path, {
      name: "resources",
      required: "resource rules must supply at least one resource",
      others: "resources",
    }),
    isNowhere
      ? [
          field.required(
            namespacesPath,
            "resource rules that are not cluster scoped must supply at least one namespace",
          ),
        ]
      : validateNamespaces(namespaces, namespacesPath),
  );
}

function validateNamespaces(namespaces: readonly string[], path: string): Causes {
  if (namespaces.includes("*")) {
    if (namespaces.length === 1) return NONE;
    return [field.invalid(path, namespaces, "if '*' is present, must not specify other namespaces")];
  }
  const intro = "each member of this list must be '*' or a DNS-1123 label; ";
  return each(namespaces, path, (name, at) =>
    isDns1123Label(name).map((message) => field.invalid(at, name, intro + message)),
  );
}

function validateNonResourceRule(
  { verbs, nonResourceURLs: urls = [] }: Partial<NonResourcePolicyRule>,
  path: string,
): Causes {
  const at = field.child(path, "nonResourceURLs");
  const wildcard = urls.includes("*");
  return field.all(
    validateVerbs(verbs, path),
    validateList(urls, path, {
      name: "nonResourceURLs",
      required: "nonResourceURLs must contain at least one value",
      others: "non-resource URLs",
    }),
    wildcard ? NONE : each(urls, at, validateUrl),
  );
}

function validateUrl(url: string, path: string): Causes {
  const problem = urlProblem(url);
  return problem === undefined ? NONE : [field.invalid(path, url, problem)];
}

function urlProblem(url: string): string | undefined {
  if (url === "") return "must not be empty";
  if (url === "/") return undefined;
  if (!url.startsWith("/")) return "must start with slash";
  if (url.includes(" ")) return "must not contain white-space";
  if (url.includes("//")) return "must not contain double slash";
  const wildcards = url.split("*").length - 1;
  const isSuffix = wildcards === 0 || (wildcards === 1 && url.endsWith("/*"));
  return isSuffix ? undefined : "wildcard can only do suffix matching";
}

function validateVerbs(verbs: readonly string[] = [], path: string): Causes {
  const causes = validateList(verbs, path, {
    name: "verbs",
    required: "verbs must contain at least one value",
    others: "verbs",
  });
  const isKnown = verbs.includes("*") || verbs.every((verb) => VERBS.includes(verb));
  return isKnown ? causes : [field.notSupported(field.child(path, "verbs"), verbs, VERBS)];
}

interface ListRule {
  readonly name: string;
  readonly required: string;
  readonly others: string;
}

/** Not empty, and an asterisk alone. */
function validateList(
  values: readonly string[] = [],
  path: string,
  { name, required, others }: ListRule,
): Causes {
  const at = field.child(path, name);
  if (values.length === 0) return [field.required(at, required)];
  if (values.length === 1 || !values.includes("*")) return NONE;
  return [field.invalid(at, values, `if '*' is present, must not specify other ${others}`)];
}
