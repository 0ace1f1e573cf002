/** What every answer must be, whatever was asked. @module */
import assert from "node:assert/strict";
import { load } from "js-yaml";
import { StatusError, type StatusReason } from "#apimachinery";

export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: Buffer;
}

/** No answer of a hostile request is any other; 5xx only where something behind the server is missing. */
const CODES: ReadonlySet<number> = new Set([
  200, 201, 202, 204, 301, 304, 307, 400, 401, 403, 404, 405, 406, 409, 410, 411, 413, 415, 417, 422, 429,
  431, 502, 503, 504,
]);
/** Refusals that Kubernetes itself answers with 500. */
const OWN_500: readonly string[] = [
  "resourceVersion should not be set on objects to be created",
  "failed to create typed patch object",
];
/** Reasons that Kubernetes gives several codes. */
const FREE_CODES: ReadonlySet<StatusReason> = new Set(["Unknown", "Timeout", "ServerTimeout"]);
const PROTOBUF_MAGIC = Buffer.from("k8s\0");

/** Throws unless the answer is well-formed; returns whether the request was refused. */
export function judge(answer: Answer, method: string, path: string): boolean {
  const { status, contentType, body } = answer;
  if (status === 500 && OWN_500.some((text) => body.includes(text))) return true;
  assert.ok(CODES.has(status), `status ${status}: ${body.subarray(0, 500).toString()}`);
  const isRefused = status >= 400;
  if (method === "HEAD" || body.length === 0) return isRefused;
  if (contentType.startsWith("application/vnd.kubernetes.protobuf")) {
    if (!contentType.includes("stream="))
      assert.ok(body.subarray(0, 4).equals(PROTOBUF_MAGIC), "no envelope");
    return isRefused;
  }
  const text = body.toString();
  if (!isRefused) {
    if (contentType.startsWith("application/json") && !contentType.includes("stream=")) JSON.parse(text);
    return false;
  }
  // What is no resource is answered in plain words.
  if (contentType.startsWith("text/plain") && (status === 404 || !/^\/apis?\//.test(path))) return true;
  const shown = (contentType.startsWith("application/yaml") ? load(text) : JSON.parse(text)) as ShownStatus;
  assert.equal(shown.kind, "Status");
  assert.equal(shown.apiVersion, "v1");
  assert.equal(shown.status, "Failure");
  assert.equal(shown.code, status);
  assert.ok(typeof shown.message === "string" && shown.message !== "", "a message");
  if (shown.reason !== undefined && !FREE_CODES.has(shown.reason))
    assert.equal(status, new StatusError(shown.reason, "").code, `reason ${shown.reason}`);
  return true;
}

interface ShownStatus {
  readonly kind: string;
  readonly apiVersion: string;
  readonly status: string;
  readonly code: number;
  readonly reason?: StatusReason;
  readonly message: unknown;
}
