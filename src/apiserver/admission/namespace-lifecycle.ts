/** Nothing is created in a namespace that is missing or going away, and the system's namespaces stay. @module */
import { notFound, StatusError, type KubeObject } from "#apimachinery";
import type { ObjectLookup } from "./object-lookup.ts";
import type { AdmissionPlugin, Attributes } from "./plugin.ts";
import { refuse } from "./refuse.ts";

const NAMESPACES = "core/namespaces";
const IMMORTAL: ReadonlySet<string> = new Set(["default", "kube-system", "kube-public"]);

export function namespaceLifecycle(lookup: ObjectLookup): AdmissionPlugin {
  const check = (attributes: Attributes): void | Promise<void> => {
    const { operation, resource, name, namespace } = attributes;
    if (operation === "DELETE") {
      if (resource === NAMESPACES && IMMORTAL.has(name)) {
        throw refuse(attributes, "this namespace may not be deleted");
      }
      return;
    }
    if (namespace === "" || resource === NAMESPACES || resource.endsWith("accessreviews")) return;
    const known = lookup.get(NAMESPACES, "", namespace);
    if (known !== undefined) return checkIsActive(attributes, known);
    return lookup.getLive(NAMESPACES, "", namespace).then((live) => {
      if (live === undefined) throw notFound({ group: "", resource: "namespaces" }, namespace);
      checkIsActive(attributes, live);
    });
  };
  return {
    name: "NamespaceLifecycle",
    operations: ["CREATE", "DELETE"],
    admit(object, attributes) {
      const checked = check(attributes);
      return checked instanceof Promise ? checked.then(() => object) : object;
    },
    validate: (attributes) => (attributes.operation === "DELETE" ? check(attributes) : undefined),
  };
}

function checkIsActive(attributes: Attributes, namespace: KubeObject): void {
  const { phase } = (namespace as { status?: { phase?: string } }).status ?? {};
  if (phase !== "Terminating" && namespace.metadata.deletionTimestamp === undefined) return;
  const name = attributes.namespace;
  const refusal = refuse(
    attributes,
    `unable to create new content in namespace ${name} because it is being terminated`,
  );
  const message = `namespace ${name} is being terminated`;
  throw new StatusError("Forbidden", refusal.message, {
    details: {
      ...refusal.details,
      causes: [{ reason: "NamespaceTerminating", message, field: "metadata.namespace" }],
    },
  });
}
