/** Conversion of Events between the core group, in which they are stored, and events.k8s.io. @module */
import type * as corev1 from "../../core/v1/types.gen.ts";
import type { Event } from "./types.gen.ts";

export function toCore(event: Event): corev1.Event {
  const {
    regarding,
    note,
    deprecatedSource,
    deprecatedFirstTimestamp,
    deprecatedLastTimestamp,
    deprecatedCount,
    ...rest
  } = event;
  const { reportingController, apiVersion: _, eventTime, ...common } = rest;
  return {
    ...common,
    apiVersion: "v1",
    kind: "Event",
    involvedObject: regarding ?? {},
    ...(eventTime !== undefined && { eventTime }),
    ...(note !== undefined && { message: note }),
    ...(reportingController !== undefined && { reportingComponent: reportingController }),
    ...(deprecatedSource !== undefined && { source: deprecatedSource }),
    ...(deprecatedFirstTimestamp !== undefined && { firstTimestamp: deprecatedFirstTimestamp }),
    ...(deprecatedLastTimestamp !== undefined && { lastTimestamp: deprecatedLastTimestamp }),
    ...(deprecatedCount !== undefined && { count: deprecatedCount }),
  };
}

export function fromCore(event: corev1.Event): Event {
  const { involvedObject, message, source, firstTimestamp, lastTimestamp, count, ...rest } = event;
  const { reportingComponent, apiVersion: _, eventTime, series, ...common } = rest;
  return {
    ...common,
    apiVersion: "events.k8s.io/v1",
    kind: "Event",
    regarding: involvedObject,
    ...(eventTime !== undefined && { eventTime }),
    // A time that nobody set stays unset.
    ...(series !== undefined && { series: { ...series, count: series.count ?? 0 } }),
    ...(message !== undefined && { note: message }),
    ...(reportingComponent !== undefined && { reportingController: reportingComponent }),
    ...(source !== undefined && { deprecatedSource: source }),
    ...(firstTimestamp !== undefined && { deprecatedFirstTimestamp: firstTimestamp }),
    ...(lastTimestamp !== undefined && { deprecatedLastTimestamp: lastTimestamp }),
    ...(count !== undefined && { deprecatedCount: count }),
  } as Event;
}
