/** `url("https://…")`: URLs in expressions. @module */
import { quote } from "../../quote.ts";
import { fn, type Declaration } from "../functions.ts";
import { structOf, type CelType } from "../types.ts";
import { CelError, LiteralMap, NamedValue } from "../values.ts";

const TYPE: CelType = structOf("kubernetes.URL");
/** Scheme, authority, path, query: RFC 3986 appendix B, without fragments. */
const PARTS = /^(?:([a-zA-Z][a-zA-Z0-9+.-]*):)?(?:\/\/([^/?#]*))?([^?#]*)(?:\?([^#]*))?/;

/** Why a text is no absolute URL or absolute path, in Go's words; undefined when it is one. */
export function uriError(text: string): string | undefined {
  const why = parseError(text);
  return why === undefined ? undefined : `parse ${quote(text)}: ${why}`;
}

function parseError(text: string): string | undefined {
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(text)) return "net/url: invalid control character in URL";
  if (text === "") return "empty url";
  const escape = /%(?![0-9a-fA-F]{2}).{0,2}/.exec(text);
  if (escape !== null) return `invalid URL escape ${quote(escape[0])}`;
  if (text.startsWith("/")) return undefined;
  if (text.startsWith(":")) return "missing protocol scheme";
  const [, scheme, authority] = PARTS.exec(text)!;
  if (scheme === undefined) return "invalid URI for request";
  if (!text.slice(scheme.length + 1).startsWith("/")) return undefined;
  return authority === undefined ? undefined : authorityError(authority);
}

function authorityError(authority: string): string | undefined {
  const host = authority.slice(authority.lastIndexOf("@") + 1);
  if (host.startsWith("[") && !host.includes("]")) return "missing ']' in host";
  const port = /:([^:\]]*)$/.exec(host)?.[1];
  if (port !== undefined && !/^\d*$/.test(port)) return `invalid port ${quote(`:${port}`)} after host`;
  const bad = /[ <>"{}|\\^`]/.exec(host);
  return bad === null ? undefined : `invalid character ${quote(bad[0])} in host name`;
}

class Url extends NamedValue {
  readonly text: string;
  readonly scheme: string;
  readonly host: string;
  readonly path: string;
  readonly query: string;

  constructor(text: string) {
    super();
    const why = uriError(text);
    if (why !== undefined) throw new CelError(`URL parse error during conversion from string: ${why}`);
    const [, scheme = "", authority = "", path = "", query = ""] = PARTS.exec(text)!;
    this.text = text;
    this.scheme = scheme.toLowerCase();
    this.host = authority.slice(authority.lastIndexOf("@") + 1);
    this.path = escapePath(path);
    this.query = query;
  }

  get celType(): CelType {
    return TYPE;
  }

  get port(): string {
    return /:(\d*)$/.exec(this.host)?.[1] ?? "";
  }

  get hostname(): string {
    return this.host.replace(/:\d*$/, "").replace(/^\[(.*)\]$/, "$1");
  }

  equals(other: NamedValue): boolean {
    return other instanceof Url && other.text === this.text;
  }
}

function escapePath(path: string): string {
  return path.replaceAll(/[^A-Za-z0-9\-._~!$&'()*+,;=:@/%]/gu, (char) =>
    encodeURIComponent(char.toWellFormed()),
  );
}

function queryOf({ query }: Url): LiteralMap {
  const params = new URLSearchParams(query);
  return new LiteralMap(new Map(Array.from(new Set(params.keys()), (name) => [name, params.getAll(name)])));
}

const URL_TYPE = "kubernetes.URL";

export const URLS: readonly Declaration[] = [
  fn("url", "string_to_url", `(string): ${URL_TYPE}`, (text: string) => new Url(text)),
  fn("isURL", "is_url_string", "(string): bool", (text: string) => uriError(text) === undefined),
  fn("getScheme", "url_get_scheme", `${URL_TYPE}.(): string`, (url: Url) => url.scheme),
  fn("getHost", "url_get_host", `${URL_TYPE}.(): string`, (url: Url) => url.host),
  fn("getHostname", "url_get_hostname", `${URL_TYPE}.(): string`, (url: Url) => url.hostname),
  fn("getPort", "url_get_port", `${URL_TYPE}.(): string`, (url: Url) => url.port),
  fn("getEscapedPath", "url_get_escaped_path", `${URL_TYPE}.(): string`, (url: Url) => url.path),
  fn("getQuery", "url_get_query", `${URL_TYPE}.(): map<string, list<string>>`, queryOf),
];
