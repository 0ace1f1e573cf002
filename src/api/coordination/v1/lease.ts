/** Lease says who leads, or that a node lives; it is written often. @module */
import type { Kind } from "#apimachinery";
import { ageColumn, nameColumn, text } from "../../printing/columns.ts";
import type { Lease } from "./types.gen.ts";
import { validateLease, withoutElection } from "./validation.ts";

export const Leases: Kind<Lease> = {
  group: "coordination.k8s.io",
  version: "v1",
  kind: "Lease",
  names: { plural: "leases", singular: "lease" },
  scope: "Namespaced",
  subresources: [],
  validate: validateLease,
  strategy: {
    allowCreateOnUpdate: true,
    allowUnconditionalUpdate: false,
    prepareForCreate: (lease) => withoutElection(lease),
    prepareForUpdate: withoutElection,
  },
  columns: [nameColumn, text("Holder", (lease) => lease.spec?.holderIdentity ?? ""), ageColumn],
};
