/** Which headers a front proxy uses, and which proxies are believed; upstream's `--requestheader-*` flags. @module */

export interface RequestHeaderOptions {
  /** PEM: who signs the certificates of proxies. Never the authority of ordinary clients. */
  readonly clientCa: string;
  /** Common names of proxies; empty: every certificate of the authority. */
  readonly allowedNames: readonly string[];
  readonly usernameHeaders: readonly string[];
  readonly uidHeaders: readonly string[];
  readonly groupHeaders: readonly string[];
  readonly extraHeaderPrefixes: readonly string[];
}

/** What the aggregation layer itself sends, and what is taken out of every request that it hands on. */
export const STANDARD_HEADERS: Omit<RequestHeaderOptions, "clientCa" | "allowedNames"> = {
  usernameHeaders: ["X-Remote-User"],
  uidHeaders: ["X-Remote-Uid"],
  groupHeaders: ["X-Remote-Group"],
  extraHeaderPrefixes: ["X-Remote-Extra-"],
};

/** Tells whether a header (lower case) says who asks, by the standard names or by `options`. */
export function isIdentityHeader(name: string, options?: RequestHeaderOptions): boolean {
  return [STANDARD_HEADERS, ...(options === undefined ? [] : [options])].some(
    ({ usernameHeaders, uidHeaders, groupHeaders, extraHeaderPrefixes }) =>
      [...usernameHeaders, ...uidHeaders, ...groupHeaders].some((own) => own.toLowerCase() === name) ||
      extraHeaderPrefixes.some((prefix) => name.startsWith(prefix.toLowerCase())),
  );
}
