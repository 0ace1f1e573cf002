/** Event of events.k8s.io/v1: another view of the core group's events. @module */
import type { Column, Kind } from "#apimachinery";
import { eventColumns } from "../../core/v1/event.ts";
import { toCore } from "./conversion.ts";
import type { Event } from "./types.gen.ts";
import { validateEvent, validateEventCreate, validateEventUpdate } from "./validation.ts";

export const Events: Kind<Event> = {
  group: "events.k8s.io",
  version: "v1",
  kind: "Event",
  names: { plural: "events", singular: "event", short: ["ev"] },
  scope: "Namespaced",
  subresources: [],
  validate: validateEvent,
  validateCreate: validateEventCreate,
  validateUpdate: validateEventUpdate,
  strategy: { allowCreateOnUpdate: true },
  selectableFields: {
    "regarding.kind": (e) => e.regarding?.kind ?? "",
    "regarding.namespace": (e) => e.regarding?.namespace ?? "",
    "regarding.name": (e) => e.regarding?.name ?? "",
    "regarding.uid": (e) => e.regarding?.uid ?? "",
    "regarding.apiVersion": (e) => e.regarding?.apiVersion ?? "",
    "regarding.resourceVersion": (e) => e.regarding?.resourceVersion ?? "",
    "regarding.fieldPath": (e) => e.regarding?.fieldPath ?? "",
    reason: (e) => e.reason ?? "",
    reportingController: (e) => e.reportingController ?? "",
    type: (e) => e.type ?? "",
  },
  storedField: (path) =>
    path === "reportingController" ? "reportingComponent" : path.replace(/^regarding\./, "involvedObject."),
  columns: eventColumns.map((column): Column<Event> => ({
    ...column,
    value: (event, nowMs) => column.value(toCore(event), nowMs),
  })),
};
