/** What an answer is in an audit event: its status, and at the level RequestResponse its object. @module */
import { isJsonObject, type Status } from "#apimachinery";
import { encodeList, encodeObject } from "../handlers/encode.ts";
import type { Representation, Result } from "../handlers/request.ts";
import { yieldToLoop } from "../watchcache/watch-cache.ts";
import { withoutManagedFields } from "./managed-fields.ts";
import type { RequestAudit } from "./request-audit.ts";

/** A list that is longer is left out, and the event says so. */
const OBJECT_LENGTH_MAX = 16 * 1024 * 1024;
const TRUNCATED = "audit.k8s.io/truncated";

export async function recordResult(audit: RequestAudit, result: Result): Promise<void> {
  audit.recordResponse(statusOf(result), audit.wantsResponse ? await objectOf(audit, result) : undefined);
}

function statusOf(result: Result): Partial<Status> & { readonly code: number } {
  const code = codeOf(result);
  if (result.type !== "value" || !isStatus(result.value)) return { code };
  const { status, message, reason, details } = result.value;
  return {
    ...(status !== undefined && { status }),
    ...(message !== undefined && message !== "" && { message }),
    ...(reason !== undefined && { reason }),
    ...(details !== undefined && { details }),
    code,
  };
}

export function codeOf(result: Result): number {
  if (result.type === "upgraded") return 101;
  return "status" in result ? result.status : 200;
}

function isStatus(value: unknown): value is Status {
  return isJsonObject(value) && value["kind"] === "Status" && value["apiVersion"] === "v1";
}

/** JSON text; undefined: the answer is no object. */
async function objectOf(audit: RequestAudit, result: Result): Promise<string | undefined> {
  switch (result.type) {
    case "object":
      return textOf(encodeObject(result.object, shown(result.as, audit.omitsManagedFields)));
    case "value": {
      const { value } = result;
      if (!isJsonObject(value) || typeof value["kind"] !== "string") return undefined;
      return JSON.stringify(audit.omitsManagedFields ? withoutManagedFields(value) : value);
    }
    case "list": {
      const parts: string[] = [];
      let length = 0;
      for (const slice of encodeList(result.list, shown(result.as, audit.omitsManagedFields))) {
        const part = textOf(slice);
        length += part.length;
        if (length > OBJECT_LENGTH_MAX) {
          audit.addAuditAnnotation(TRUNCATED, "true");
          return undefined;
        }
        parts.push(part);
        await yieldToLoop();
      }
      return parts.join("");
    }
    case "bytes":
    case "stream":
    case "upgraded":
    case "watch":
    default:
      return undefined;
  }
}

/** As JSON in one line, whatever the client asked for. */
function shown({ transform, list }: Representation, omitsManagedFields: boolean): Representation {
  const own = transform ?? ((object) => object);
  const bare: Representation["transform"] = omitsManagedFields
    ? (object) => withoutManagedFields(own(object))
    : transform;
  return {
    contentType: "application/json",
    format: "json",
    pretty: false,
    ...(bare !== undefined && { transform: bare }),
    ...(list !== undefined && { list }),
  };
}

function textOf(bytes: Uint8Array | string): string {
  return typeof bytes === "string"
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString();
}
