/** Asks for the seats of a request over HTTP. @module */
import type { AnswerHeaders } from "../http/exchange.ts";
import type { HttpRequest } from "../http/http-request.ts";
import type { RequestInfo } from "../http/request-info.ts";
import type { FlowControl } from "./flow-control.ts";
import type { Seat } from "./seat.ts";

/** Go's canonical names of them are other only in their letters' case. */
const SCHEMA_UID_HEADER = "x-kubernetes-pf-flowschema-uid";
const LEVEL_UID_HEADER = "x-kubernetes-pf-prioritylevel-uid";

/** Nobody waits longer than this, whatever time the request has. */
const WAIT_LIMIT_MS_MAX = 60_000;
/** Of a request's time, the part that it may spend waiting. */
const WAIT_PART = 4;

/** Says in the headers where the request belongs, whether it is served or not. Throws TooManyRequests. */
export function takeSeat(
  control: FlowControl,
  request: HttpRequest,
  info: RequestInfo,
  headers: AnswerHeaders,
  timeoutMs: number,
): Seat {
  const { user, query } = request;
  const flow = control.classify(user, info);
  headers[SCHEMA_UID_HEADER] = flow.schemaUid;
  headers[LEVEL_UID_HEADER] = flow.levelUid;
  const waitLimitMs = Math.min(timeoutMs / WAIT_PART, WAIT_LIMIT_MS_MAX);
  return control.enter(flow, { user, info, query, waitLimitMs, request });
}
