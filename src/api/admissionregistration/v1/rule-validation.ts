/** Which requests a webhook or a policy is for. @module */
import { field } from "#apimachinery";
import { each, NONE, oneOf, type Causes } from "../../validation/common.ts";
import type { RuleWithOperations } from "./types.gen.ts";

const OPERATIONS: readonly string[] = ["*", "CONNECT", "CREATE", "DELETE", "UPDATE"];
const SCOPES: readonly string[] = ["*", "Cluster", "Namespaced"];

export function validateOperations({ operations = [] }: RuleWithOperations, path: string): Causes {
  const at = field.child(path, "operations");
  return [
    ...(operations.length === 0 ? [field.required(at)] : NONE),
    ...alone(operations, at, "operations"),
    ...each(operations, at, (operation, p) => oneOf(operation, OPERATIONS, p)),
  ];
}

export function validateRule(rule: RuleWithOperations, path: string): Causes {
  const { apiGroups = [], apiVersions = [], resources = [], scope } = rule;
  const at = (name: string): string => field.child(path, name);
  return [
    ...(apiGroups.length === 0 ? [field.required(at("apiGroups"))] : NONE),
    ...alone(apiGroups, at("apiGroups"), "API groups"),
    ...(apiVersions.length === 0 ? [field.required(at("apiVersions"))] : NONE),
    ...alone(apiVersions, at("apiVersions"), "API versions"),
    ...each(apiVersions, at("apiVersions"), (version, p) => (version === "" ? [field.required(p)] : NONE)),
    ...validateResources(resources, at("resources")),
    ...oneOf(scope, SCOPES, at("scope")),
  ];
}

/** `*` says all there is to say. */
function alone(values: readonly string[], path: string, what: string): Causes {
  if (values.length < 2 || !values.includes("*")) return NONE;
  return [field.invalid(path, values, `if '*' is present, must not specify other ${what}`)];
}

function validateResources(resources: readonly string[], path: string): Causes {
  // Upstream looks at the last of those that name no subresource.
  const last = resources.findLast((resource) => resource !== "" && !resource.includes("/"));
  return [
    ...(resources.length === 0 ? [field.required(path)] : NONE),
    ...each(resources, path, (resource, at, i) => {
      if (resource === "") return [field.required(at)];
      const [name, subresource] = resource.split("/", 2);
      if (subresource === undefined) return NONE;
      const before = resources.slice(0, i);
      const covered = [`${name}/*`, `*/${subresource}`].filter((wildcard) => before.includes(wildcard));
      return covered.map((wildcard) =>
        field.invalid(at, resource, `if '${wildcard}' is present, must not specify ${resource}`),
      );
    }),
    ...(resources.length > 1 && resources.includes("*/*")
      ? [field.invalid(path, resources, "if '*/*' is present, must not specify other resources")]
      : NONE),
    ...(resources.includes("*") && last !== "*"
      ? [
          field.invalid(
            path,
            resources,
            "if '*' is present, must not specify other resources without subresources",
          ),
        ]
      : NONE),
  ];
}
