/** Options that mean nothing on a real cluster: everything is let through, or nothing is; upstream's AlwaysAdmit and AlwaysDeny. @module */
import type { AdmissionPlugin, Attributes } from "./plugin.ts";
import { refuse } from "./refuse.ts";

const ALL = ["CREATE", "UPDATE", "DELETE", "CONNECT"] as const;

export const alwaysAdmit: AdmissionPlugin = { name: "AlwaysAdmit", operations: ALL };

export const alwaysDeny: AdmissionPlugin = {
  name: "AlwaysDeny",
  operations: ALL,
  admit(object, attributes) {
    deny(attributes);
    return object;
  },
  validate: deny,
};

/** The server's own writes go on: one that denies them never starts. */
function deny(attributes: Attributes): void {
  if (attributes.isOwn === true) return;
  throw refuse(attributes, "admission control is denying all modifications");
}
