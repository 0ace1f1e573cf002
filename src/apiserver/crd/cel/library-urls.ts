/** `url("https://…")`: URLs in rules. @module */
import type { Environment } from "@marcbachmann/cel-js";

export class Url {
  readonly text: string;
  readonly parts: URL | undefined;

  /** Absolute, or an absolute path; throws for anything else. */
  constructor(text: string) {
    this.text = text;
    if (text.startsWith("/")) return;
    if (!/^[a-zA-Z][a-zA-Z0-9+.-]*:/.test(text) || !URL.canParse(text)) {
      throw new Error(
        `URL parse error during conversion from string: parse ${JSON.stringify(text)}: invalid URI for request`,
      );
    }
    this.parts = new URL(text);
  }

  toString(): string {
    return this.text;
  }

  /** What stands before `?` and `#`, after the host. */
  get path(): string {
    const rest = this.parts === undefined ? this.text : this.text.replace(/^[^:]*:(\/\/[^/?#]*)?/, "");
    return rest.split(/[?#]/, 1)[0]!;
  }

  get query(): URLSearchParams {
    const at = this.text.indexOf("?");
    return this.parts?.searchParams ?? new URLSearchParams(at < 0 ? "" : this.text.slice(at + 1));
  }
}

export function registerUrls(env: Environment): void {
  const part = (name: string, read: (url: Url) => string): void => {
    env.registerFunction(`URL.${name}(): string`, read);
  };
  env
    .registerType("URL", { ctor: Url, fields: {} })
    .registerFunction("url(string): URL", (text: string) => new Url(text))
    .registerFunction("isURL(string): bool", isUrl);
  part("getScheme", (url) => url.parts?.protocol.slice(0, -1) ?? "");
  part("getHost", (url) => url.parts?.host ?? "");
  part("getHostname", (url) => (url.parts?.hostname ?? "").replace(/^\[(.*)\]$/, "$1"));
  part("getPort", (url) => url.parts?.port ?? "");
  part("getEscapedPath", (url) => url.path);
  env
    .registerFunction("URL.getQuery(): map<string, list<string>>", (url: Url) => {
      const names = new Set(url.query.keys());
      return new Map([...names].map((name) => [name, url.query.getAll(name)]));
    })
    .registerOperator("URL == URL", (a: Url, b: Url) => a.text === b.text);
}

function isUrl(text: string): boolean {
  try {
    return new Url(text).text === text;
  } catch {
    return false;
  }
}
