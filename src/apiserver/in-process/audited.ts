/** Audit of requests that come from the server's own process: who writes without a socket writes no less. @module */
import { StatusError, type Clock } from "#apimachinery";
import type { Auditor } from "../audit/auditor.ts";
import { beginAudit } from "../audit/begin-audit.ts";
import { codeOf, recordResult } from "../audit/record-result.ts";
import { authorizationAttributes } from "../handlers/authorize.ts";
import type { Dispatcher } from "../handlers/dispatch.ts";
import { headerValue, type ApiRequest, type Result } from "../handlers/request.ts";
import { requestInfo } from "../http/request-info.ts";
import { statusResult } from "../http/write-result.ts";
import { newUid } from "../registry/uid.ts";

/** As upstream's own clients, which come by the loopback interface. */
const LOOPBACK = ["::1"];

export interface AuditedOptions {
  readonly dispatcher: Dispatcher;
  readonly auditor: Auditor;
  readonly clock: Clock;
  readonly random: () => number;
}

export async function audited(
  request: ApiRequest,
  { dispatcher, auditor, clock, random }: AuditedOptions,
): Promise<Result> {
  const info = requestInfo(request.method, request.path, request.query);
  const search = request.query.size === 0 ? "" : `?${request.query.toString()}`;
  const auditID = headerValue(request, "audit-id");
  const audit = await beginAudit(auditor, {
    auditID: auditID === "" ? newUid(random) : auditID,
    requestURI: `${request.path}${search}`,
    sourceIPs: LOOPBACK,
    userAgent: headerValue(request, "user-agent"),
    receivedMs: clock.now(),
    attributes: authorizationAttributes(request.user, info, request.query),
  });
  if (audit === undefined) return dispatcher.handleInfo(request, info);
  try {
    const result = await dispatcher.handleInfo({ ...request, audit }, info);
    await recordResult(audit, result);
    if (result.type !== "watch" && result.type !== "stream") {
      await audit.complete();
      return result;
    }
    await audit.started(codeOf(result));
    // it ends when its client has enough of it
    request.signal.addEventListener("abort", () => void audit.complete(), { once: true });
    if (request.signal.aborted) await audit.complete();
    return result;
  } catch (err) {
    await recordResult(audit, statusResult(err));
    if (err instanceof StatusError) await audit.complete();
    else await audit.panicked(err);
    throw err;
  }
}
