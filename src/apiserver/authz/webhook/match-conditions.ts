/** `matchConditions` of an authorization webhook: CEL over the review, all of which must hold for it to be asked. @module */
import { messageOf } from "#apimachinery";
import { Meter, type CelEnv } from "#apimachinery/cel";
import type { SubjectAccessReviewSpec } from "#api/authorization/v1/types.gen";
import { compileTyped, typedEnv, type TypedProgram } from "../../typed-cel.ts";

export interface MatchConditions {
  /** Throws when one cannot be evaluated and none says no. */
  hold(spec: SubjectAccessReviewSpec): boolean;
}

/** Steps of all conditions of a webhook; upstream's RuntimeCELCostBudgetMatchConditions. */
const COST_MAX = 2_500_000;
const PREFIX = "kubernetes.";
const SELECTOR = { rawSelector: "string", requirements: "list<dyn>" };
const TYPES = {
  [`${PREFIX}FieldSelectorAttributes`]: SELECTOR,
  [`${PREFIX}LabelSelectorAttributes`]: SELECTOR,
  [`${PREFIX}ResourceAttributes`]: {
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
  [`${PREFIX}NonResourceAttributes`]: { path: "string", verb: "string" },
  [`${PREFIX}SubjectAccessReviewSpec`]: {
    resourceAttributes: `${PREFIX}ResourceAttributes`,
    nonResourceAttributes: `${PREFIX}NonResourceAttributes`,
    user: "string",
    groups: "list<string>",
    extra: "map<string, list<string>>",
    uid: "string",
  },
};

let environment: CelEnv | undefined;

/** Throws `CompileError`. */
export function compileMatchCondition(source: string): TypedProgram {
  environment ??= typedEnv("request", `${PREFIX}SubjectAccessReviewSpec`, TYPES);
  return compileTyped(environment, source, "bool");
}

export function matchConditions(sources: readonly string[]): MatchConditions {
  const programs = sources.map((source) => ({ source, program: compileMatchCondition(source) }));
  return {
    hold(spec) {
      const meter = new Meter(COST_MAX);
      const request = requestOf(spec);
      const problems: string[] = [];
      for (const { source, program } of programs)
        try {
          if (program.run(request, meter) !== true) return false;
        } catch (err) {
          const why = messageOf(err);
          problems.push(`cel evaluation error: expression '${source}' resulted in error: ${why}`);
        }
      if (problems.length > 0) throw new Error(problems.join(", "));
      return true;
    },
  };
}

/** Every string is there, as in Go. */
function requestOf(spec: SubjectAccessReviewSpec): unknown {
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
