/** How a plugin words its refusal. @module */
import { forbidden, type StatusError } from "#apimachinery";
import type { Attributes } from "./plugin.ts";

/** 403: `pods "x" is forbidden: why`. */
export function refuse({ kind, name, object }: Attributes, why: string): StatusError {
  const shown = name === "" ? (object?.metadata.generateName ?? "") : name;
  return forbidden({ group: kind.group, resource: kind.names.plural }, shown, why);
}
