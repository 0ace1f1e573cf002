/** The first word of a request's audit event. @module */
import { StatusError } from "#apimachinery";
import type { Auditor } from "./auditor.ts";
import type { AuditFacts, RequestAudit } from "./request-audit.ts";

/** Undefined: the request is not audited. Throws if its event must be kept (`blocking-strict`) and cannot. */
export async function beginAudit(auditor: Auditor, facts: AuditFacts): Promise<RequestAudit | undefined> {
  const audit = auditor.begin(facts);
  if (audit === undefined || (await audit.received())) return audit;
  auditor.metrics.rejected();
  throw new StatusError(
    "InternalError",
    `Internal Server Error: ${JSON.stringify(facts.requestURI)}: failed to store audit event`,
  );
}
