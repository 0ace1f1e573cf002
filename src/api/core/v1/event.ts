/** Event tells what happened to an object. Stored in this form; events.k8s.io/v1 is the other view of it. @module */
import type { Column, Kind } from "#apimachinery";
import { text, wide } from "../../printing/columns.ts";
import { since } from "../../printing/human-duration.ts";
import { validateEvent } from "./event-validation.ts";
import type { Event } from "./types.gen.ts";

/** The columns of both views. */
export const eventColumns: readonly Column<Event>[] = [
  text("Last Seen", lastSeen),
  text("Type", (e) => e.type ?? ""),
  text("Reason", (e) => e.reason ?? ""),
  text("Object", target),
  wide("Subobject", (e) => e.involvedObject.fieldPath ?? ""),
  wide("Source", source),
  text("Message", (e) => (e.message ?? "").trim()),
  wide("First Seen", firstSeen),
  { ...wide("Count", count), type: "string" },
  { ...wide("Name", (e) => e.metadata.name), format: "name" },
];

export const Events: Kind<Event> = {
  group: "",
  version: "v1",
  kind: "Event",
  names: { plural: "events", singular: "event", short: ["ev"] },
  scope: "Namespaced",
  subresources: [],
  validate: validateEvent,
  strategy: { allowCreateOnUpdate: true },
  selectableFields: {
    "involvedObject.kind": (e) => e.involvedObject.kind ?? "",
    "involvedObject.namespace": (e) => e.involvedObject.namespace ?? "",
    "involvedObject.name": (e) => e.involvedObject.name ?? "",
    "involvedObject.uid": (e) => e.involvedObject.uid ?? "",
    "involvedObject.apiVersion": (e) => e.involvedObject.apiVersion ?? "",
    "involvedObject.resourceVersion": (e) => e.involvedObject.resourceVersion ?? "",
    "involvedObject.fieldPath": (e) => e.involvedObject.fieldPath ?? "",
    reason: (e) => e.reason ?? "",
    reportingComponent: (e) => e.reportingComponent ?? "",
    source: (e) => nonEmpty(e.source?.component) ?? e.reportingComponent ?? "",
    type: (e) => e.type ?? "",
  },
  columns: eventColumns,
};

function firstSeen(event: Event, nowMs: number): string {
  return since(event.firstTimestamp ?? event.eventTime, nowMs);
}

function lastSeen(event: Event, nowMs: number): string {
  if (event.series !== undefined) return since(event.series.lastObservedTime, nowMs);
  return event.lastTimestamp === undefined ? firstSeen(event, nowMs) : since(event.lastTimestamp, nowMs);
}

function count(event: Event): number {
  if (event.series !== undefined) return event.series.count ?? 0;
  return event.count === undefined || event.count === 0 ? 1 : event.count;
}

function target({ involvedObject: { kind = "", name = "" } }: Event): string {
  return name === "" ? kind.toLowerCase() : `${kind.toLowerCase()}/${name}`;
}

function source(event: Event): string {
  const component = nonEmpty(event.source?.component) ?? event.reportingComponent ?? "";
  const instance = nonEmpty(event.source?.host) ?? event.reportingInstance ?? "";
  return instance === "" ? component : `${component}, ${instance}`;
}

function nonEmpty(value: string | undefined): string | undefined {
  return value === "" ? undefined : value;
}
