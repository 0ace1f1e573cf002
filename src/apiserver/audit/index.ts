/** Public surface of auditing. @module */
export type { AuditAnnotations } from "./annotations.ts";
export {
  logDefaults as auditLogDefaults,
  truncateDefaults as auditTruncateDefaults,
  validateAuditOptions,
  webhookDefaults as auditWebhookDefaults,
  type AuditBatchOptions,
  type AuditLogOptions,
  type AuditMode,
  type AuditOptions,
  type AuditTruncateOptions,
  type AuditWebhookOptions,
} from "./options.ts";
export { parseAuditPolicy } from "./policy-file.ts";
