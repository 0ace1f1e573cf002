/** What webhooks leave in the audit event of a request: their own words, and whether they changed or could not be asked. @module */
import type { Attributes } from "../plugin.ts";
import type { CallPosition } from "./dispatch.ts";
import type { ReviewResponse } from "./review.ts";
import type { Webhook } from "./webhook.ts";

const MUTATION = "mutation.webhook.admission.k8s.io/";
const PATCH = "patch.webhook.admission.k8s.io/";
const VALIDATION = "validating.webhook.admission.k8s.io/";

export function annotateResponse(
  { spec }: Webhook,
  { auditAnnotations }: ReviewResponse,
  attributes: Attributes,
): void {
  for (const [key, value] of Object.entries(auditAnnotations)) {
    attributes.addAuditAnnotation(`${spec.name}/${key}`, value);
  }
}

export function annotateMutation(
  { configuration, spec }: Webhook,
  mutated: boolean,
  attributes: Attributes,
  position: CallPosition,
): void {
  const value = { configuration, webhook: spec.name, mutated };
  attributes.addAuditAnnotation(`${MUTATION}${suffix(position)}`, JSON.stringify(value));
}

/** `patch` is base64. It shows parts of the object, so it is for those alone who see the object. */
export function annotatePatch(
  { configuration, spec }: Webhook,
  patch: string,
  attributes: Attributes,
  position: CallPosition,
): void {
  const operations: unknown = JSON.parse(Buffer.from(patch, "base64").toString());
  const value = { configuration, webhook: spec.name, patch: operations, patchType: "JSONPatch" };
  attributes.addAuditAnnotation(`${PATCH}${suffix(position)}`, JSON.stringify(value), "Request");
}

export function annotateFailOpen(
  { spec, isMutating }: Webhook,
  attributes: Attributes,
  position: CallPosition,
): void {
  const prefix = isMutating ? MUTATION : VALIDATION;
  attributes.addAuditAnnotation(`failed-open.${prefix}${suffix(position)}`, spec.name);
}

function suffix({ round, index }: CallPosition): string {
  return `round_${round}_index_${index}`;
}
