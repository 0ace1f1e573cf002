/** IngressClass names the controller that serves ingresses. @module */
import type { Kind } from "#apimachinery";
import { ageColumn, nameColumn, text } from "../../printing/columns.ts";
import { validateIngressClass, validateIngressClassUpdate } from "./ingressclass-validation.ts";
import type { IngressClass } from "./types.gen.ts";

const DEFAULT_ANNOTATION = "ingressclass.kubernetes.io/is-default-class";

export const IngressClasses: Kind<IngressClass> = {
  group: "networking.k8s.io",
  version: "v1",
  kind: "IngressClass",
  names: { plural: "ingressclasses", singular: "ingressclass" },
  scope: "Cluster",
  subresources: [],
  defaults: defaultIngressClass,
  validate: validateIngressClass,
  validateUpdate: validateIngressClassUpdate,
  columns: [
    {
      ...nameColumn,
      value: ({ metadata }) =>
        metadata.annotations?.[DEFAULT_ANNOTATION] === "true" ? `${metadata.name} (default)` : metadata.name,
    },
    text("Controller", (c) => c.spec?.controller ?? ""),
    text("Parameters", parameters),
    ageColumn,
  ],
};

function defaultIngressClass(ingressClass: IngressClass): IngressClass {
  const given = ingressClass.spec?.parameters;
  if (given === undefined || given.scope !== undefined) return ingressClass;
  return { ...ingressClass, spec: { ...ingressClass.spec, parameters: { ...given, scope: "Cluster" } } };
}

function parameters({ spec }: IngressClass): string {
  const ref = spec?.parameters;
  if (ref === undefined) return "<none>";
  const group = ref.apiGroup === undefined ? "" : `.${ref.apiGroup}`;
  return `${ref.kind}${group}/${ref.name}`;
}
