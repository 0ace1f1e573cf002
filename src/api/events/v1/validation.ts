/** Rules for events.k8s.io Events: the new style alone. @module */
import { field } from "#apimachinery";
import { validateEventAs } from "../../core/v1/event-validation.ts";
import { immutable, NONE, type Causes } from "../../validation/common.ts";
import { semanticEqual } from "../../validation/semantic-equal.ts";
import { toCore } from "./conversion.ts";
import type { Event } from "./types.gen.ts";

export function validateEvent(event: Event): Causes {
  return validateEventAs(toCore(event), "reportingController");
}

/** Events of the old style may be updated, not created. */
export function validateEventCreate(event: Event): Causes {
  return [
    ...validateSeries(event),
    ...(isSet(event.eventTime) ? NONE : [field.required("eventTime")]),
    ...(event.type === "Normal" || event.type === "Warning"
      ? NONE
      : [field.invalid("type", "", `has invalid value: ${event.type ?? ""}`)]),
    ...unset("firstTimestamp", event.deprecatedFirstTimestamp),
    ...unset("lastTimestamp", event.deprecatedLastTimestamp),
    ...unset("count", event.deprecatedCount),
    ...unset("source", event.deprecatedSource?.component || event.deprecatedSource?.host),
  ];
}

/** Fields of the old style, which upstream checks under their old names. */
function unset(path: string, value: unknown): Causes {
  return isSet(value) ? [field.invalid(path, "", "needs to be unset")] : NONE;
}

/** A time that is not set is null on the wire. */
function isSet(value: unknown): boolean {
  return value !== undefined && value !== null && value !== "" && value !== 0;
}

function validateSeries({ series }: Event): Causes {
  if (series === undefined) return NONE;
  return [
    ...(series.count < 2 ? [field.invalid("series.count", "", "should be at least 2")] : NONE),
    ...(series.lastObservedTime ? NONE : [field.required("series.lastObservedTime")]),
  ];
}

const IMMUTABLE: readonly (readonly [name: keyof Event, path: string])[] = [
  ["regarding", "involvedObject"],
  ["reason", "reason"],
  ["note", "message"],
  ["deprecatedSource", "source"],
  ["deprecatedFirstTimestamp", "firstTimestamp"],
  ["deprecatedLastTimestamp", "lastTimestamp"],
  ["deprecatedCount", "count"],
  // Upstream compares it twice.
  ["reason", "reason"],
  ["type", "type"],
  ["eventTime", "eventTime"],
  ["action", "action"],
  ["related", "related"],
  ["reportingController", "reportingController"],
  ["reportingInstance", "reportingInstance"],
];

export function validateEventUpdate(event: Event, old: Event): Causes {
  return [
    ...(semanticEqual(event.series, old.series) ? NONE : validateSeries(event)),
    ...IMMUTABLE.flatMap(([name, path]) => immutable(event[name], old[name], path)),
  ];
}
