/** An operation of the API before it is written in either version of OpenAPI. @module */
import type { GroupVersionKind } from "#apimachinery";
import { pathParameter, type Parameter } from "./parameters.ts";

export type Method = "get" | "put" | "post" | "delete" | "options" | "head" | "patch";

/** A definition by name, or bytes of no described shape. */
export type Body = string | typeof TEXT;
export const TEXT: unique symbol = Symbol("text");

export interface Operation {
  readonly path: string;
  readonly method: Method;
  readonly id: string;
  readonly tag: string;
  readonly description: string;
  /** `x-kubernetes-action`; absent for discovery. */
  readonly action?: string;
  readonly gvk?: GroupVersionKind;
  readonly parameters: readonly Parameter[];
  readonly body?: {
    readonly definition: string;
    readonly required: boolean;
    readonly mediaTypes: readonly string[];
  };
  /** Status -> what is answered; undefined: nothing that has a shape. */
  readonly responses: ReadonlyMap<number, Body | undefined>;
  readonly produces: readonly string[];
}

export interface PathItem {
  readonly path: string;
  /** Those that all operations of the path have. */
  readonly parameters: readonly Parameter[];
  readonly operations: readonly Operation[];
}

export const OBJECT_TYPES: readonly string[] = [
  "application/json",
  "application/vnd.kubernetes.protobuf",
  "application/yaml",
];
export const STREAM_TYPES: readonly string[] = [
  ...OBJECT_TYPES,
  "application/json;stream=watch",
  "application/vnd.kubernetes.protobuf;stream=watch",
];
export const ANY_TYPE: readonly string[] = ["*/*"];

export const RESPONSE_TEXT: Readonly<Record<number, string>> = {
  200: "OK",
  201: "Created",
  202: "Accepted",
  401: "Unauthorized",
};

/** Operations by path, sorted; what all operations of a path share moves to the path. */
export function pathItems(operations: readonly Operation[]): readonly PathItem[] {
  const byPath = Map.groupBy(operations, (operation) => operation.path);
  return [...byPath.entries()]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([path, own]) => {
      const shared = own[0]!.parameters.filter((parameter) =>
        own.every((operation) => operation.parameters.some((other) => isSame(parameter, other))),
      );
      const rest = own.map((operation) => ({
        ...operation,
        parameters: sorted(operation.parameters.filter((p) => !shared.some((other) => isSame(p, other)))),
      }));
      return { path, parameters: sorted(shared), operations: rest };
    });
}

/** The parameters that stand in braces in a path. */
export function pathParametersOf(path: string, named: string): readonly Parameter[] {
  const texts: Readonly<Record<string, string>> = {
    name: `name of the ${named}`,
    namespace: "namespace of the object",
    path: "path to the resource",
  };
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => pathParameter(name!, texts[name!] ?? name!));
}

function isSame(a: Parameter, b: Parameter): boolean {
  return a.name === b.name && a.in === b.in;
}

function sorted(parameters: readonly Parameter[]): readonly Parameter[] {
  return parameters.toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.in < b.in ? -1 : 1));
}
