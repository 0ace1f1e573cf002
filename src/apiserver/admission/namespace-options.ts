/** Options: namespaces come into being when something is created in them, or must be there for every write. @module */
import { isAlreadyExists, messageOf, notFound } from "#apimachinery";
import type { ObjectLookup } from "./object-lookup.ts";
import type { AdmissionPlugin } from "./plugin.ts";
import { refuse } from "./refuse.ts";

const NAMESPACES = "core/namespaces";

/** `create` makes a namespace of that name, or rejects. */
export function namespaceAutoProvision(
  lookup: ObjectLookup,
  create: (name: string) => Promise<void>,
): AdmissionPlugin {
  return {
    name: "NamespaceAutoProvision",
    operations: ["CREATE"],
    admit(object, attributes) {
      const { dryRun, namespace, resource } = attributes;
      if (dryRun || namespace === "" || resource === NAMESPACES) return object;
      if (lookup.get(NAMESPACES, "", namespace) !== undefined) return object;
      return create(namespace).then(
        () => object,
        (err: unknown) => {
          if (isAlreadyExists(err)) return object;
          throw refuse(attributes, messageOf(err));
        },
      );
    },
  };
}

export function namespaceExists(lookup: ObjectLookup): AdmissionPlugin {
  return {
    name: "NamespaceExists",
    operations: ["CREATE", "UPDATE", "DELETE"],
    validate({ namespace, resource }) {
      if (namespace === "" || resource === NAMESPACES) return undefined;
      if (lookup.get(NAMESPACES, "", namespace) !== undefined) return undefined;
      return lookup.getLive(NAMESPACES, "", namespace).then((live) => {
        if (live === undefined) throw notFound({ group: "", resource: "namespaces" }, namespace);
      });
    },
  };
}
