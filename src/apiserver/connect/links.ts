/**
 * Links of a page behind the proxy that name a path of its host: they get the proxy's own path before them, so that a browser
 * stays behind it. Bytes that are no link pass as they came.
 * @module
 */
import { posix } from "node:path";

export interface Place {
  /** `/api/v1/namespaces/a/pods/b/proxy`. */
  readonly prefix: string;
  /** `host:port` of the backend. */
  readonly backend: string;
  /** The host that the client asked. */
  readonly asked: string;
}

/** Attributes that hold a URL, by element (HTML 4 and 5). */
const ATTRIBUTES: Readonly<Record<string, readonly string[]>> = {
  a: ["href"],
  applet: ["codebase"],
  area: ["href"],
  audio: ["src"],
  base: ["href"],
  blockquote: ["cite"],
  body: ["background"],
  button: ["formaction"],
  command: ["icon"],
  del: ["cite"],
  embed: ["src"],
  form: ["action"],
  frame: ["longdesc", "src"],
  head: ["profile"],
  html: ["manifest"],
  iframe: ["longdesc", "src"],
  img: ["longdesc", "src", "usemap"],
  input: ["src", "usemap", "formaction"],
  ins: ["cite"],
  link: ["href"],
  object: ["classid", "codebase", "data", "usemap"],
  q: ["cite"],
  script: ["src"],
  source: ["src"],
  video: ["poster", "src"],
};
/** What stands inside is text, whatever it looks like. */
const RAW_ENDS: Readonly<Record<string, RegExp>> = {
  script: /<\/script/i,
  style: /<\/style/i,
  textarea: /<\/textarea/i,
  title: /<\/title/i,
};
/** A longer tag or comment passes as text. */
const PENDING_MAX = 65_536;

const REFERENCE = /^([a-z][a-z0-9+.-]*:)?(?:\/\/([^/?#]*))?([^?#]*)(.*)$/is;
const TAG = /<([a-z][a-z0-9]*)((?:[^"'>]|"[^"]*"|'[^']*')*)>/iy;
const ATTRIBUTE = /([\s/])([a-z-]+)(\s*=\s*)("[^"]*"|'[^']*'|[^\s"'>]+)/gi;

/** A relative reference and one to another host stay as they are. */
export function rewriteUrl(url: string, { prefix, backend, asked }: Place): string {
  const [, scheme = "", host = "", path = "", rest = ""] = REFERENCE.exec(url) ?? [];
  const isElsewhere = host !== "" && host !== backend && host !== asked;
  if (isElsewhere || !path.startsWith("/")) return url;
  const origin = host !== "" && host === asked ? `${scheme}//${host}` : "";
  const isBehind = path.startsWith(prefix);
  return `${origin}${isBehind ? path : posix.join(prefix, path)}${rest}`;
}

export async function* rewriteLinks(
  page: AsyncIterable<Uint8Array>,
  place: Place,
): AsyncGenerator<Uint8Array> {
  const scanner = new Scanner(place);
  // one character a byte: text of any encoding that has ASCII inside survives
  for await (const chunk of page)
    yield Buffer.from(scanner.push(Buffer.from(chunk).toString("latin1")), "latin1");
  yield Buffer.from(scanner.end(), "latin1");
}

/** Holds back a tag until all of it is there. */
class Scanner {
  readonly #place: Place;
  #pending = "";
  /** The element whose end is awaited. */
  #raw = "";

  constructor(place: Place) {
    this.#place = place;
  }

  push(text: string): string {
    const all = this.#pending + text;
    let out = "";
    let at = 0;
    while (at < all.length) {
      const next = this.#raw === "" ? all.indexOf("<", at) : endOfRaw(all, at, this.#raw);
      if (next === -1) break;
      out += all.slice(at, next);
      at = next;
      const length = this.#lengthOfTag(all, at);
      if (length === undefined) break;
      out += this.#raw === "" ? this.#rewritten(all.slice(at, at + length)) : all.slice(at, at + length);
      at += length;
    }
    const isPlain = this.#raw === "" && all.indexOf("<", at) === -1;
    if (isPlain || all.length - at > PENDING_MAX) {
      this.#pending = "";
      return out + all.slice(at);
    }
    this.#pending = all.slice(at);
    return out;
  }

  end(): string {
    return this.#pending;
  }

  /** Undefined: the rest of it has not come. */
  #lengthOfTag(all: string, at: number): number | undefined {
    if (all.startsWith("<!--", at)) {
      const end = all.indexOf("-->", at + 4);
      return end === -1 ? undefined : end + 3 - at;
    }
    if (all.length - at < 4) return undefined;
    if (!/^[a-z]/i.test(all[at + 1]!)) {
      this.#raw = "";
      return 1;
    }
    TAG.lastIndex = at;
    return TAG.exec(all)?.[0].length;
  }

  #rewritten(tag: string): string {
    TAG.lastIndex = 0;
    const name = TAG.exec(tag)?.[1]?.toLowerCase() ?? "";
    if (name in RAW_ENDS && !tag.endsWith("/>")) this.#raw = name;
    const attributes = ATTRIBUTES[name];
    if (attributes === undefined) return tag;
    return tag.replace(ATTRIBUTE, (whole, before: string, key: string, equals: string, value: string) => {
      if (!attributes.includes(key.toLowerCase())) return whole;
      const quote = /^["']/.test(value) ? value[0]! : "";
      const url = quote === "" ? value : value.slice(1, -1);
      return `${before}${key}${equals}${quote}${rewriteUrl(url, this.#place)}${quote}`;
    });
  }
}

function endOfRaw(text: string, from: number, element: string): number {
  const found = text.slice(from).search(RAW_ENDS[element]!);
  return found === -1 ? -1 : from + found;
}
