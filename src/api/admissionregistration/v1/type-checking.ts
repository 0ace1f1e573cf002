/** What the expressions of a ValidatingAdmissionPolicy have wrong about the types that it matches. Pure. @module */
import { declTypeOf, structsOf } from "#apimachinery/cel";
import type { JsonObject } from "#apimachinery";
import { PolicyCompiler } from "./policy-compiler.ts";
import type { KnownType } from "./policy-environment.ts";
import type { ExpressionWarning, ValidatingAdmissionPolicy } from "./types.gen.ts";

/** A kind, and its schema with all references resolved. */
export interface TypedKind {
  /** `apps/v1, Kind=Deployment`. */
  readonly name: string;
  readonly kind: string;
  readonly schema: JsonObject;
}

/** `params`: the kind of the parameters, as far as it is known. */
export function checkTypes(
  { spec = {} }: ValidatingAdmissionPolicy,
  kinds: readonly TypedKind[],
  params: TypedKind | undefined,
): readonly ExpressionWarning[] {
  const compilers = kinds.map((kind) => ({ name: kind.name, compiler: typedCompiler(spec, kind, params) }));
  const check = (source: string, fieldRef: string): readonly ExpressionWarning[] => {
    const issues = compilers.flatMap(({ name, compiler }) => {
      const { program } = compiler.compile(source, []);
      return typeof program === "string" ? [`${name}: ${program}\n`] : [];
    });
    return issues.length === 0 ? [] : [{ fieldRef, warning: issues.join("\n") }];
  };
  return (spec.validations ?? []).flatMap(({ expression, messageExpression = "" }, i) => [
    ...check(expression, `spec.validations[${i}].expression`),
    ...(messageExpression === "" ? [] : check(messageExpression, `spec.validations[${i}].messageExpression`)),
  ]);
}

function typedCompiler(
  { variables = [], paramKind }: NonNullable<ValidatingAdmissionPolicy["spec"]>,
  kind: TypedKind,
  params: TypedKind | undefined,
): PolicyCompiler {
  const compiler = new PolicyCompiler({
    hasParams: paramKind !== undefined,
    hasPatchTypes: false,
    object: knownType(kind),
    params: params === undefined ? undefined : knownType(params),
  });
  for (const { name, expression } of variables) compiler.declare(name, expression);
  return compiler;
}

function knownType({ kind, schema }: TypedKind): KnownType | undefined {
  const decl = declTypeOf(schema, kind, true);
  return decl === undefined ? undefined : { type: decl.type, structs: structsOf(decl) };
}
