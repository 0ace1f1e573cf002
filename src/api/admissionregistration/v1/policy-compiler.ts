/** Expressions of admission policies and webhooks, compiled: what they are for decides what they may give. @module */
import {
  CelIssues,
  compile,
  formatType,
  sameType,
  type CelEnv,
  type CelType,
  type Program,
} from "#apimachinery/cel";
import { admissionEnv, type KnownType } from "./policy-environment.ts";

export interface Expression {
  readonly source: string;
  /** Or why there is none. */
  readonly program: Program | string;
}

/** `wanted`: the types that the result may have; none for any. */
export function compileExpression(env: CelEnv, source: string, wanted: readonly CelType[]): Expression {
  try {
    const program = compile(env, source);
    const isWanted = wanted.length === 0 || wanted.some((type) => sameType(type, program.type));
    return { source, program: isWanted ? program : mismatch(wanted, program.type) };
  } catch (err) {
    if (!(err instanceof CelIssues)) throw err;
    return { source, program: `compilation failed: ${err.message}` };
  }
}

function mismatch(wanted: readonly CelType[], got: CelType): string {
  const names = wanted.map(declared);
  const shown = names.length === 1 ? names[0]! : `one of [${names.join(" ")}]`;
  return `must evaluate to ${shown} but got ${declared(got)}`;
}

/** As cel-go prints types that are declared. */
function declared(type: CelType): string {
  return type.kind === "null" ? "null_type" : formatType(type);
}

export interface Variable {
  readonly name: string;
  readonly expression: Expression;
}

/** Variables in their order, each of which sees those before it; and environments with all so far. */
export interface PolicyCompilerOptions {
  readonly hasParams: boolean;
  readonly hasPatchTypes: boolean;
  readonly object?: KnownType | undefined;
  readonly params?: KnownType | undefined;
}

export class PolicyCompiler {
  readonly #options: PolicyCompilerOptions;
  readonly #types = new Map<string, CelType>();
  readonly #envs = new Map<boolean, CelEnv>();
  readonly variables: Variable[] = [];

  constructor(options: PolicyCompilerOptions) {
    this.#options = options;
  }

  declare(name: string, source: string): Expression {
    const expression = this.compile(source, []);
    this.#types.set(name, variableType(expression));
    this.variables.push({ name, expression });
    return expression;
  }

  compile(source: string, wanted: readonly CelType[], hasAuthorizer = true): Expression {
    const known = this.#envs.get(hasAuthorizer);
    const env = known ?? admissionEnv({ ...this.#options, hasAuthorizer, variables: this.#types });
    this.#envs.set(hasAuthorizer, env);
    return compileExpression(env, source, wanted);
  }
}

const DYN: CelType = { kind: "dyn", name: "dyn", params: [] };
const PLAIN: ReadonlySet<string> = new Set(
  "bool bytes double duration int null string timestamp uint list map".split(" "),
);

/** Variables of other types are dyn to those that use them. */
function variableType({ program }: Expression): CelType {
  return typeof program === "string" ? DYN : plainType(program.type);
}

function plainType(type: CelType): CelType {
  if (!PLAIN.has(type.kind)) return DYN;
  return type.params.length === 0 ? type : { ...type, params: type.params.map(plainType) };
}
