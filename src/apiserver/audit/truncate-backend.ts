/** Large events lose their objects on the way to a backend, or are lost themselves. @module */
import { reportLoss, type AuditBackend, type AuditRecord, type BackendParts } from "./backend.ts";
import { formatEvent } from "./format.ts";
import type { AuditTruncateOptions } from "./options.ts";
import type { AuditEvent } from "./types.ts";

const PLUGIN = "truncate";
const TRUNCATED = { "audit.k8s.io/truncated": "true" };

export function truncateBackend(
  backend: AuditBackend,
  { maxEventBytes, maxBatchBytes }: AuditTruncateOptions,
  parts: BackendParts,
): AuditBackend {
  const fitted = (record: AuditRecord): AuditRecord | undefined => {
    const { level } = record.event;
    const isLarge = Buffer.byteLength(record.line) > maxEventBytes;
    const hasObjects = level === "Request" || level === "RequestResponse";
    const small = isLarge && hasObjects ? truncated(record.event) : record;
    return Buffer.byteLength(small.line) > maxEventBytes ? undefined : small;
  };
  return {
    async process(records) {
      const lost: AuditRecord[] = [];
      const batches: AuditRecord[][] = [[]];
      let bytes = 0;
      for (const record of records) {
        const small = fitted(record);
        if (small === undefined) {
          lost.push(record);
          continue;
        }
        const size = Buffer.byteLength(small.line);
        if (bytes > 0 && bytes + size > maxBatchBytes) {
          batches.push([]);
          bytes = 0;
        }
        bytes += size;
        batches.at(-1)!.push(small);
      }
      let isKept = true;
      for (const batch of batches) {
        if (batch.length > 0 && !(await backend.process(batch))) isKept = false;
      }
      if (lost.length > 0)
        reportLoss(PLUGIN, new Error("event is too large even after truncating"), lost, parts);
      return isKept;
    },
    close: () => backend.close(),
  };
}

function truncated({ requestObject: _request, responseObject: _response, ...rest }: AuditEvent): AuditRecord {
  const event = { ...rest, annotations: { ...rest.annotations, ...TRUNCATED } };
  return { event, line: formatEvent(event) };
}
