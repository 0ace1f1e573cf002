/** An audit event as text: JSON as upstream orders its fields, or the one line of the `legacy` format. Pure. @module */
import { formatMicroTime } from "#apimachinery";
import { AUDIT_API_VERSION, type AuditEvent, type AuditUser } from "./types.ts";

/** One line of JSON without its end. The objects are not encoded again: they are text already. */
export function formatEvent(event: AuditEvent): string {
  const { level, auditID, stage, requestURI, verb, user, requestObject, responseObject } = event;
  const head = JSON.stringify({
    kind: "Event",
    apiVersion: AUDIT_API_VERSION,
    level,
    auditID,
    stage,
    requestURI,
    verb,
    user,
    impersonatedUser: event.impersonatedUser,
    authenticationMetadata: event.authenticationMetadata,
    sourceIPs: event.sourceIPs,
    userAgent: event.userAgent,
    objectRef: event.objectRef,
    responseStatus: event.responseStatus && { metadata: {}, ...event.responseStatus },
  });
  const tail = JSON.stringify({
    requestReceivedTimestamp: formatMicroTime(event.requestReceivedMs),
    stageTimestamp: formatMicroTime(event.stageMs),
    annotations: event.annotations,
  });
  const objects = [
    requestObject === undefined ? "" : `,"requestObject":${requestObject.trimEnd()}`,
    responseObject === undefined ? "" : `,"responseObject":${responseObject.trimEnd()}`,
  ];
  return `${head.slice(0, -1)}${objects.join("")},${tail.slice(1)}`;
}

/** A body of the webhook; `events` are lines of JSON. */
export function formatEventList(events: readonly string[]): string {
  const head = `{"kind":"EventList","apiVersion":"${AUDIT_API_VERSION}","metadata":{},"items":[`;
  return `${head}${events.join(",")}]}`;
}

/** Upstream's `EventString`. */
export function formatLegacy(event: AuditEvent): string {
  const { user, impersonatedUser, responseStatus } = event;
  const as = impersonatedUser === undefined ? "<self>" : (impersonatedUser.username ?? "");
  const parts = [
    ["id", event.auditID],
    ["stage", event.stage],
    ["ip", event.sourceIPs?.[0] ?? "<unknown>"],
    ["method", event.verb],
    ["user", user.username ?? "<none>"],
    ["groups", groupsOf(user) ?? "<none>"],
    ["as", as],
    ["asgroups", (impersonatedUser && groupsOf(impersonatedUser)) ?? "<lookup>"],
    ["user-agent", event.userAgent ?? ""],
    ["namespace", event.objectRef?.namespace ?? "<none>"],
    ["uri", event.requestURI],
  ].map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  const response = responseStatus === undefined ? "<deferred>" : String(responseStatus.code ?? 0);
  const time = formatMicroTime(event.requestReceivedMs);
  return `${time} AUDIT: ${parts.join(" ")} response="${response}"`;
}

function groupsOf({ groups = [] }: AuditUser): string | undefined {
  return groups.length === 0 ? undefined : groups.map((group) => JSON.stringify(group)).join(",");
}
