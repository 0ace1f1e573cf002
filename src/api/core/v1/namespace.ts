/** Namespace is the scope of names; deleting it deletes what is in it. @module */
import type { Kind } from "#apimachinery";
import { ageColumn, nameColumn, text } from "../../printing/columns.ts";
import {
  validateNamespace,
  validateNamespaceFinalize,
  validateNamespaceStatusUpdate,
} from "./namespace-validation.ts";
import type { Namespace } from "./types.gen.ts";

const NAME_LABEL = "kubernetes.io/metadata.name";
const FINALIZER = "kubernetes";

export const Namespaces: Kind<Namespace> = {
  group: "",
  version: "v1",
  kind: "Namespace",
  names: { plural: "namespaces", singular: "namespace", short: ["ns"] },
  scope: "Cluster",
  subresources: ["status", "finalize"],
  verbs: ["create", "get", "list", "watch", "update", "patch", "delete"],
  nameRule: "dns-label",
  defaults: defaultNamespace,
  validate: validateNamespace,
  validateStatusUpdate: validateNamespaceStatusUpdate,
  validateSubresource: { finalize: validateNamespaceFinalize },
  strategy: {
    prepareForCreate: (ns) => {
      const finalizers = ns.spec?.finalizers ?? [];
      const spec = finalizers.includes(FINALIZER)
        ? ns.spec!
        : { ...ns.spec, finalizers: [...finalizers, FINALIZER] };
      return { ...ns, spec, status: { phase: "Active" } };
    },
    // Only the finalize subresource changes spec.finalizers.
    prepareForUpdate: (ns, old) => ({ ...ns, spec: { ...ns.spec, finalizers: old.spec?.finalizers ?? [] } }),
  },
  selectableFields: { "status.phase": (ns) => ns.status?.phase ?? "", name: (ns) => ns.metadata.name },
  columns: [nameColumn, text("Status", (ns) => ns.status?.phase ?? ""), ageColumn],
};

/** Lets selectors pick a namespace by its name. */
function defaultNamespace(ns: Namespace): Namespace {
  const { name, labels } = ns.metadata;
  if (name === "" || name === undefined || labels?.[NAME_LABEL] === name) return ns;
  return { ...ns, metadata: { ...ns.metadata, labels: { ...labels, [NAME_LABEL]: name } } };
}
