/** The parameter columns of admission policies and their bindings. @module */
import { formatSelector } from "../../printing/columns.ts";
import type { ParamKind, ParamRef } from "./types.gen.ts";

export function paramKind(kind: ParamKind | undefined): string {
  return kind === undefined ? "<unset>" : `${kind.apiVersion ?? ""}/${kind.kind ?? ""}`;
}

export function paramRef(ref: ParamRef | undefined): string {
  if (ref?.name) return ref.namespace ? `${ref.namespace}/${ref.name}` : `*/${ref.name}`;
  return ref?.selector === undefined ? "<unset>" : formatSelector(ref.selector);
}
