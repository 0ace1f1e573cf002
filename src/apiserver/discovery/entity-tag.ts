/** Entity tags of documents that clients keep: whoever has the current one is told so in a few bytes. @module */
import { createHash } from "node:crypto";
import { headerValue, type ApiRequest, type Result } from "../handlers/request.ts";

/** Upper-case SHA-512, as upstream's. */
export function digestOf(...parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash("sha512");
  for (const part of parts) hash.update(part);
  return hash.digest("hex").toUpperCase();
}

/** True if `If-None-Match` names `tag` (without quotes). */
export function isNotModified(request: Pick<ApiRequest, "headers">, tag: string): boolean {
  const header = headerValue(request, "if-none-match");
  return header.split(",").some((candidate) => {
    const value = candidate.trim().replace(/^W\//, "");
    return value === "*" || value === `"${tag}"`;
  });
}

/** Says nothing of the body: a client's cache would overwrite what it knows of the one it has. */
export function notModified(headers: Readonly<Record<string, string>>): Result {
  return { type: "bytes", status: 304, contentType: "", body: "", headers };
}
