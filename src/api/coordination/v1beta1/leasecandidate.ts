/** LeaseCandidate says who would lead, and which versions they speak. Off by default, as upstream. @module */
import type { Kind } from "#apimachinery";
import type { UnservedKind } from "../../beta-kinds.ts";
import { ageColumn, nameColumn, text } from "../../printing/columns.ts";
import type { LeaseCandidate } from "./types.gen.ts";
import { validateLeaseCandidate, validateLeaseCandidateUpdate } from "./validation.ts";

export const LeaseCandidates: Kind<LeaseCandidate> & Pick<UnservedKind, "servedByDefault"> = {
  group: "coordination.k8s.io",
  version: "v1beta1",
  kind: "LeaseCandidate",
  names: { plural: "leasecandidates", singular: "leasecandidate" },
  scope: "Namespaced",
  subresources: [],
  servedByDefault: false,
  // Upstream's rule is that of keys of ConfigMaps.
  nameRule: "path-segment",
  validate: validateLeaseCandidate,
  validateUpdate: validateLeaseCandidateUpdate,
  strategy: { allowCreateOnUpdate: true, allowUnconditionalUpdate: false },
  selectableFields: { "spec.leaseName": ({ spec }) => spec.leaseName },
  columns: [
    nameColumn,
    text("LeaseName", ({ spec }) => spec.leaseName),
    text("BinaryVersion", ({ spec }) => spec.binaryVersion),
    text("EmulationVersion", ({ spec }) => spec.emulationVersion ?? ""),
    ageColumn,
  ],
};
