/** Binding puts a pod on a node; it is written and never stored. @module */
import type { Kind } from "#apimachinery";
import { nameAndAge } from "../../printing/columns.ts";
import type { Binding } from "./types.gen.ts";

export const Bindings: Kind<Binding> = {
  group: "",
  version: "v1",
  kind: "Binding",
  names: { plural: "bindings", singular: "binding" },
  scope: "Namespaced",
  subresources: [],
  verbs: ["create"],
  columns: nameAndAge,
};
