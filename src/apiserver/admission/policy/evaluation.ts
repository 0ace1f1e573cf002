/** Evaluates the expressions of one policy for one request, within a budget; upstream's `ForInput`. @module */
import {
  authorizerValue,
  CelError,
  CostExceeded,
  fromJson,
  MapValue,
  Meter,
  requestResourceValue,
  type AskAuthorizer,
  type CelValue,
} from "#apimachinery/cel";
import type { KubeObject } from "#apimachinery";
import type { Attributes } from "../plugin.ts";
import type { Expression, Variable } from "#api/admissionregistration/v1/policy-compiler";

/** What the expressions of one kind may cost together; upstream's RuntimeCELCostBudget. */
export const POLICY_COST_MAX = 10_000_000;
/** Upstream's RuntimeCELCostBudgetMatchConditions. */
export const MATCH_CONDITIONS_COST_MAX = 2_500_000;

/** The request as a policy sees it. */
export interface EvaluationInput {
  readonly object: KubeObject | undefined;
  readonly oldObject: KubeObject | undefined;
  readonly request: () => Readonly<Record<string, unknown>>;
  readonly params: KubeObject | undefined;
  readonly namespace: KubeObject | undefined;
  /** Undefined where expressions do not see it. */
  readonly ask: AskAuthorizer | undefined;
  readonly attributes: Attributes;
}

export type Outcome = { readonly value: CelValue } | { readonly error: string };

/** No expression is evaluated any more. */
export class OutOfBudget extends Error {
  constructor() {
    super("validation failed due to running out of cost budget, no further validation rules will be run");
  }
}

export interface Evaluated {
  /** Undefined where the expression is. */
  readonly outcomes: readonly (Outcome | undefined)[];
  /** What is left of it. */
  readonly budget: number;
}

/** In order. Throws OutOfBudget and what the authorizer throws. */
export function evaluateAll(
  expressions: readonly (Expression | undefined)[],
  variables: readonly Variable[],
  input: EvaluationInput,
  budget: number,
): Evaluated {
  const evaluation = new Evaluation(variables, input, budget);
  const outcomes = expressions.map((expression) =>
    expression === undefined ? undefined : evaluation.evaluate(expression),
  );
  return { outcomes, budget: evaluation.budget };
}

class Evaluation {
  budget: number;
  readonly #values = new Map<string, CelValue>();
  readonly #variables: readonly Variable[];
  readonly #input: EvaluationInput;

  constructor(variables: readonly Variable[], input: EvaluationInput, budget: number) {
    this.#variables = variables;
    this.#input = input;
    this.budget = budget;
  }

  evaluate({ source, program }: Expression): Outcome {
    if (typeof program === "string") return { error: `compilation error: ${program}` };
    const meter = new Meter();
    try {
      const value = program.evaluate((name) => this.#value(name), meter);
      this.#spend(meter.spent);
      return { value };
    } catch (err) {
      if (!(err instanceof CelError || err instanceof CostExceeded)) throw err;
      this.#spend(meter.spent);
      return { error: `expression '${source}' resulted in error: ${err.message}` };
    }
  }

  #spend(cost: number): void {
    this.budget -= cost;
    if (this.budget < 0) throw new OutOfBudget();
  }

  /** Made when it is first asked for. */
  #value(name: string): CelValue {
    const known = this.#values.get(name);
    if (known !== undefined) return known;
    const made = this.#make(name);
    this.#values.set(name, made);
    return made;
  }

  #make(name: string): CelValue {
    const { object, oldObject, request, params, namespace, ask, attributes } = this.#input;
    switch (name) {
      case "object":
        return fromJson(object);
      case "oldObject":
        return fromJson(oldObject);
      case "params":
        return fromJson(params);
      case "namespaceObject":
        return fromJson(namespace === undefined ? undefined : shownNamespace(namespace));
      case "request":
        return fromJson(request());
      case "variables":
        return new Variables(this.#variables, (expression, of) => this.#variable(expression, of));
      case "authorizer":
        if (ask !== undefined) return authorizerValue(ask);
        break;
      case "authorizer.requestResource":
        if (ask !== undefined) return requestResourceValue(ask, requestedResource(attributes));
        break;
      default:
    }
    throw new CelError(`no such attribute(s): ${name}`);
  }

  /** Counted with the budget, not with the expression that needs it. */
  #variable({ program }: Expression, name: string): CelValue {
    if (typeof program === "string") {
      throw new CelError(`composited variable "${name}" fails to compile: ${program}`);
    }
    const meter = new Meter();
    try {
      return program.evaluate((of) => this.#value(of), meter);
    } catch (err) {
      if (!(err instanceof CelError || err instanceof CostExceeded)) throw err;
      throw new CelError(`composited variable "${name}" fails to evaluate: ${err.message}`, { cause: err });
    } finally {
      this.#spend(meter.spent);
    }
  }
}

/** `variables`: each evaluated when it is first used, and then kept. */
class Variables extends MapValue {
  readonly #variables: ReadonlyMap<string, Expression>;
  readonly #evaluate: (expression: Expression, name: string) => CelValue;
  readonly #known = new Map<string, CelValue | CelError>();

  constructor(variables: readonly Variable[], evaluate: (expression: Expression, name: string) => CelValue) {
    super();
    this.#variables = new Map(variables.map(({ name, expression }) => [name, expression]));
    this.#evaluate = evaluate;
  }

  get size(): number {
    return this.#variables.size;
  }

  keys(): Iterable<string> {
    return this.#variables.keys();
  }

  find(key: CelValue): CelValue | undefined {
    const expression = typeof key === "string" ? this.#variables.get(key) : undefined;
    if (expression === undefined) return undefined;
    const name = key as string;
    const known = this.#known.get(name) ?? this.#try(expression, name);
    this.#known.set(name, known);
    if (known instanceof CelError) throw known;
    return known;
  }

  #try(expression: Expression, name: string): CelValue | CelError {
    try {
      return this.#evaluate(expression, name);
    } catch (err) {
      if (err instanceof CelError) return err;
      throw err;
    }
  }
}

/** Managed fields and owners of the namespace are no business of policies. */
function shownNamespace(namespace: KubeObject): object {
  const { ownerReferences: _owners, managedFields: _managed, ...metadata } = namespace.metadata;
  return { ...namespace, metadata };
}

function requestedResource({ requestKind, subresource, namespace, name }: Attributes): {
  readonly group: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
} {
  return { group: requestKind.group, resource: requestKind.names.plural, subresource, namespace, name };
}
