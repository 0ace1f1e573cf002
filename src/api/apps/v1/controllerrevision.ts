/** ControllerRevision is an immutable snapshot of a controller's state. @module */
import type { Kind } from "#apimachinery";
import { controllerOf } from "#apimachinery";
import { ageColumn, nameColumn, text } from "../../printing/columns.ts";
import {
  validateControllerRevision,
  validateControllerRevisionCreate,
  validateControllerRevisionUpdate,
} from "./controllerrevision-validation.ts";
import type { ControllerRevision } from "./types.gen.ts";

export const ControllerRevisions: Kind<ControllerRevision> = {
  group: "apps",
  version: "v1",
  kind: "ControllerRevision",
  names: { plural: "controllerrevisions", singular: "controllerrevision" },
  scope: "Namespaced",
  subresources: [],
  validate: validateControllerRevision,
  validateCreate: validateControllerRevisionCreate,
  validateUpdate: validateControllerRevisionUpdate,
  columns: [
    nameColumn,
    text("Controller", controller),
    text("Revision", (revision) => revision.revision),
    ageColumn,
  ],
};

function controller(revision: ControllerRevision): string {
  const ref = controllerOf(revision);
  if (ref === undefined) return "<none>";
  const slash = ref.apiVersion.indexOf("/");
  const group = slash < 0 ? "" : `.${ref.apiVersion.slice(0, slash)}`;
  return `${ref.kind}${group}`.toLowerCase() + `/${ref.name}`;
}
