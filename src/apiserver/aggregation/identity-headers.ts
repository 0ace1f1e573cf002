/** How a request that is handed on says who asks: upstream's `X-Remote-*` headers, and nothing the client wrote in their place. Pure. @module */
import type { ApiRequest } from "../handlers/request.ts";
import type { UserInfo } from "../user-info.ts";
import { isIdentityHeader, type RequestHeaderOptions } from "../authn/front-proxy-options.ts";

/** About this connection, or about who asked: not for backends to see. */
const NOT_FORWARDED: ReadonlySet<string> = new Set([
  "authorization",
  "connection",
  "content-length",
  "expect",
  "host",
  "http2-settings",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);
const IMPERSONATION = "impersonate-";
/** RFC 7230's `tchar`, but the percent sign, which begins an escape. */
const KEY_CHARACTER = /[!#$&'*+\-.^_`|~0-9A-Za-z]/;

export type Headers = Record<string, string | readonly string[]>;

/** The client's headers that go on to the backend. */
export function forwardedHeaders(
  { headers, credentials }: Pick<ApiRequest, "headers" | "credentials">,
  own: RequestHeaderOptions | undefined,
): Headers {
  const kept: Headers = {};
  const named = new Set(connectionHeaders(headers["connection"]));
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || name.startsWith(":") || NOT_FORWARDED.has(name) || named.has(name)) continue;
    if (name.startsWith(IMPERSONATION) || isIdentityHeader(name, own)) continue;
    kept[name] = value;
  }
  const { remoteAddress } = credentials ?? {};
  if (remoteAddress === undefined) return kept;
  const before = kept["x-forwarded-for"];
  const hops = [...(before === undefined ? [] : [before].flat()), remoteAddress];
  return { ...kept, "x-forwarded-for": hops.join(", ") };
}

/** Headers that a client declares to be of this hop alone. */
function connectionHeaders(value: string | readonly string[] | undefined): readonly string[] {
  return [value ?? []].flat().flatMap((text) => text.split(",").map((name) => name.trim().toLowerCase()));
}

/** Line by line: a group may have a comma in its name. */
export function identityHeaders({ name, uid = "", groups, extra = {} }: UserInfo): Headers {
  const headers: Headers = { "X-Remote-User": bytesOf(name) };
  if (uid !== "") headers["X-Remote-Uid"] = bytesOf(uid);
  if (groups.length > 0) headers["X-Remote-Group"] = groups.map(bytesOf);
  for (const [key, values] of Object.entries(extra)) {
    headers[`X-Remote-Extra-${escapeKey(key)}`] = values.map(bytesOf);
  }
  return headers;
}

/** Names and values in turn. */
export function rawHeaders(headers: Headers): readonly string[] {
  return Object.entries(headers).flatMap(([name, value]) => [value].flat().flatMap((one) => [name, one]));
}

/** Node writes a header's characters as bytes; the other side reads UTF-8. */
function bytesOf(text: string): string {
  return Buffer.from(text).toString("latin1");
}

function escapeKey(key: string): string {
  return [...Buffer.from(key)]
    .map((byte) => {
      const character = String.fromCharCode(byte);
      if (KEY_CHARACTER.test(character)) return character;
      return `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
    })
    .join("");
}
