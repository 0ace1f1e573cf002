/** What an expression may name: functions, variables, and types of objects. @module */
import { Functions, type Declaration } from "./functions.ts";
import { ADDRESSES } from "./library/addresses.ts";
import { AUTHORIZER_FUNCTIONS } from "./library/authorizer.ts";
import { CONVERSIONS } from "./library/conversions.ts";
import { NAMED_FORMATS } from "./library/formats.ts";
import { LISTS } from "./library/lists.ts";
import { OPERATORS } from "./library/operators.ts";
import { OPTIONALS } from "./library/optionals.ts";
import { QUANTITIES } from "./library/quantities.ts";
import { REGEX } from "./library/regex.ts";
import { STRINGS } from "./library/strings.ts";
import { TIMES } from "./library/times.ts";
import { URLS } from "./library/urls.ts";
import { VERSIONS } from "./library/versions.ts";
import type { CelType } from "./types.ts";

/** The fields of a type of objects by their names in expressions; undefined when there is no such type. */
export type FindStruct = (name: string) => StructFields | undefined;

export interface StructFields {
  /** Undefined: there is no such field. */
  readonly field: (name: string) => CelType | undefined;
}

export interface CelEnv {
  readonly functions: Functions;
  readonly variables: ReadonlyMap<string, CelType>;
  readonly findStruct: FindStruct;
}

const KUBERNETES: readonly Declaration[] = [
  ...OPERATORS,
  ...CONVERSIONS,
  ...STRINGS,
  ...REGEX,
  ...TIMES,
  ...LISTS,
  ...OPTIONALS,
  ...URLS,
  ...ADDRESSES,
  ...QUANTITIES,
  ...NAMED_FORMATS,
  ...VERSIONS,
  ...AUTHORIZER_FUNCTIONS,
];

let base: Functions | undefined;

export interface EnvOptions {
  readonly variables: Readonly<Record<string, CelType>> | ReadonlyMap<string, CelType>;
  readonly findStruct?: FindStruct;
  /** Besides those that every expression of Kubernetes may use. */
  readonly functions?: readonly Declaration[];
}

export function newEnv({ variables, findStruct, functions = [] }: EnvOptions): CelEnv {
  base ??= new Functions(KUBERNETES);
  return {
    functions: functions.length === 0 ? base : new Functions([...KUBERNETES, ...functions]),
    variables: variables instanceof Map ? variables : new Map(Object.entries(variables)),
    findStruct: findStruct ?? (() => undefined),
  };
}
