/** `matchConditions` of an authorization webhook: CEL over the review, all of which must hold for it to be asked. @module */
import type { Environment } from "@marcbachmann/cel-js";
import type { SubjectAccessReviewSpec } from "#api/authorization/v1/types.gen";
import { celJson } from "../../cel-json.ts";
import { Budget } from "../../crd/cel/budget.ts";
import { newEnvironment } from "../../crd/cel/environment.ts";
import { compile, type Program } from "../../crd/cel/program.ts";

export interface MatchConditions {
  /** Throws when one cannot be evaluated and none says no. */
  hold(spec: SubjectAccessReviewSpec): boolean;
}

/** Steps of all conditions of a webhook; upstream's RuntimeCELCostBudgetMatchConditions. */
const COST_MAX = 2_500_000;
const PREFIX = "kubernetes.";
const SELECTOR = { rawSelector: "string", requirements: "list<dyn>" };
const TYPES = {
  FieldSelectorAttributes: SELECTOR,
  LabelSelectorAttributes: SELECTOR,
  ResourceAttributes: {
    namespace: "string",
    verb: "string",
    group: "string",
    version: "string",
    resource: "string",
    subresource: "string",
    name: "string",
    fieldSelector: `${PREFIX}FieldSelectorAttributes`,
    labelSelector: `${PREFIX}LabelSelectorAttributes`,
  },
  NonResourceAttributes: { path: "string", verb: "string" },
  SubjectAccessReviewSpec: {
    resourceAttributes: `${PREFIX}ResourceAttributes`,
    nonResourceAttributes: `${PREFIX}NonResourceAttributes`,
    user: "string",
    groups: "list<string>",
    extra: "map<string, list<string>>",
    uid: "string",
  },
};

let environment: Environment | undefined;

/** Throws `CompileError`. */
export function compileMatchCondition(source: string): Program {
  environment ??= newMatchEnvironment();
  return compile(environment, source, "bool");
}

export function matchConditions(sources: readonly string[]): MatchConditions {
  const programs = sources.map((source) => ({ source, program: compileMatchCondition(source) }));
  return {
    hold(spec) {
      const budget = new Budget(COST_MAX);
      const request = celJson(whole(spec));
      const problems: string[] = [];
      for (const { source, program } of programs)
        try {
          if (program.run({ request }, budget) !== true) return false;
        } catch (err) {
          const why = err instanceof Error ? err.message : String(err);
          problems.push(`cel evaluation error: expression '${source}' resulted in error: ${why}`);
        }
      if (problems.length > 0) throw new Error(problems.join(", "));
      return true;
    },
  };
}

function newMatchEnvironment(): Environment {
  const made = newEnvironment();
  for (const [name, fields] of Object.entries(TYPES)) made.registerType(`${PREFIX}${name}`, { fields });
  return made.registerVariable("request", `${PREFIX}SubjectAccessReviewSpec`);
}

/** Every string is there, as in Go. */
function whole(spec: SubjectAccessReviewSpec): SubjectAccessReviewSpec {
  const { resourceAttributes } = spec;
  const empty = { namespace: "", verb: "", group: "", version: "", resource: "", subresource: "", name: "" };
  return {
    user: "",
    uid: "",
    groups: [],
    extra: {},
    ...spec,
    ...(resourceAttributes !== undefined && { resourceAttributes: { ...empty, ...resourceAttributes } }),
  };
}
