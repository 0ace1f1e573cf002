/** Whether one type can stand where another is wanted, and what type parameters become by it. @module */
import { DYN, isOptional, listOf, mapOf, sameType, typeOf, type CelType } from "./types.ts";

/** What type parameters stand for, by their names. */
export type Bindings = ReadonlyMap<string, CelType>;

export function isDyn(type: CelType): boolean {
  return type.kind === "dyn";
}

export function isDynOrError(type: CelType): boolean {
  return type.kind === "dyn" || type.kind === "error";
}

/** The bindings with which `from` can be a `to`; undefined when it cannot. */
export function assign(
  bindings: Bindings,
  from: readonly CelType[],
  to: readonly CelType[],
): Bindings | undefined {
  const next = new Map(bindings);
  return assignableAll(next, from, to) ? next : undefined;
}

/** Bound parameters replaced; unbound ones become dyn if asked for. */
export function substitute(bindings: Bindings, type: CelType, toDyn: boolean): CelType {
  if (type.kind === "param") {
    const bound = bindings.get(type.name);
    if (bound !== undefined) return substitute(bindings, bound, toDyn);
    return toDyn ? DYN : type;
  }
  if (type.params.length === 0) return type;
  const params = type.params.map((param) => substitute(bindings, param, toDyn));
  if (type.kind === "list") return listOf(params[0]!);
  if (type.kind === "map") return mapOf(params[0]!, params[1]!);
  return type.kind === "type" ? typeOf(params[0]!) : { ...type, params };
}

/** The wider one of two types that unify. */
export function mostGeneral(a: CelType, b: CelType): CelType {
  return isEqualOrLessSpecific(a, b) ? a : b;
}

type MutableBindings = Map<string, CelType>;

function assignableAll(bindings: MutableBindings, from: readonly CelType[], to: readonly CelType[]): boolean {
  return from.length === to.length && from.every((type, i) => assignable(bindings, type, to[i]!));
}

function assignable(bindings: MutableBindings, a: CelType, b: CelType): boolean {
  if (b.kind === "param") {
    const { isValid, isBound } = bind(bindings, a, b);
    if (isValid) return true;
    if (isBound) return false;
  }
  if (a.kind === "param") return bind(bindings, b, a).isValid;
  if (isDynOrError(a) || isDynOrError(b)) return true;
  if (a.kind === "null") return isNullable(b);
  if (b.kind === "null") return isNullable(a);
  if (a.kind === "type") return b.kind === "type";
  if (a.kind !== "opaque" && a.kind !== "list" && a.kind !== "map") return sameType(a, b);
  return a.kind === b.kind && a.name === b.name && assignableAll(bindings, a.params, b.params);
}

function isNullable({ kind }: CelType): boolean {
  return (
    kind === "null" || kind === "opaque" || kind === "struct" || kind === "duration" || kind === "timestamp"
  );
}

/** Makes `param` stand for `type`, or for what it stands for already if the two agree. */
function bind(
  bindings: MutableBindings,
  type: CelType,
  param: CelType,
): { readonly isValid: boolean; readonly isBound: boolean } {
  if (sameType(type, param)) return { isValid: true, isBound: true };
  const bound = bindings.get(param.name);
  if (bound === undefined) {
    if (occurs(bindings, param, type)) return { isValid: false, isBound: false };
    bindings.set(param.name, type);
    return { isValid: true, isBound: false };
  }
  if (sameType(type, bound)) return { isValid: true, isBound: true };
  if (!assignable(bindings, type, bound)) return { isValid: false, isBound: true };
  const wider = mostGeneral(type, bound);
  if (!occurs(bindings, param, wider)) bindings.set(param.name, wider);
  return { isValid: true, isBound: true };
}

function occurs(bindings: Bindings, param: CelType, within: CelType): boolean {
  if (sameType(param, within)) return true;
  if (within.kind === "param") {
    const bound = bindings.get(within.name);
    return bound !== undefined && occurs(bindings, param, bound);
  }
  return within.params.some((part) => occurs(bindings, param, part));
}

function isEqualOrLessSpecific(a: CelType, b: CelType): boolean {
  if (isDyn(a) || a.kind === "param") return true;
  if (isDyn(b) || b.kind === "param" || a.kind !== b.kind) return false;
  if (a.kind === "type") return true;
  if (a.kind === "list" || a.kind === "map" || isOptional(a) || a.kind === "opaque") {
    return (
      a.name === b.name &&
      a.params.length === b.params.length &&
      a.params.every((param, i) => isEqualOrLessSpecific(param, b.params[i]!))
    );
  }
  return sameType(a, b);
}
