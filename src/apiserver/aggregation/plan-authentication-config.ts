/** What other API servers must know to believe this one, as the ConfigMap `extension-apiserver-authentication` has it. Pure. @module */
import type { RequestHeaderOptions } from "../authn/front-proxy-options.ts";

type Data = Readonly<Record<string, string>>;

export interface AuthenticationFacts {
  /** PEM: who signs the certificates of ordinary clients. */
  readonly clientCa: string | undefined;
  readonly requestHeader: RequestHeaderOptions | undefined;
  /** True for a certificate that is over. */
  readonly isExpired: (pem: string) => boolean;
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/g;

/** `known` and what this server has, each once: servers of one cluster may have different authorities while these change. */
export function planAuthenticationConfig(
  known: Data,
  { clientCa, requestHeader, isExpired }: AuthenticationFacts,
): Data {
  const certificates = (key: string, own: string | undefined): Data => {
    const all = [known[key] ?? "", own ?? ""].flatMap((text) => text.match(CERTIFICATE) ?? []);
    const kept = [...new Set(all)].filter((pem) => !isExpired(pem));
    return kept.length === 0 ? {} : { [key]: `${kept.join("\n")}\n` };
  };
  const list = (key: string, own: readonly string[]): Data => ({
    [key]: JSON.stringify([...new Set([...stringsOf(known[key]), ...own])]),
  });
  const authority = certificates("requestheader-client-ca-file", requestHeader?.clientCa);
  return {
    ...certificates("client-ca-file", clientCa),
    ...authority,
    ...(Object.keys(authority).length > 0 && {
      ...list("requestheader-allowed-names", requestHeader?.allowedNames ?? []),
      ...list("requestheader-extra-headers-prefix", requestHeader?.extraHeaderPrefixes ?? []),
      ...list("requestheader-group-headers", requestHeader?.groupHeaders ?? []),
      ...list("requestheader-uid-headers", requestHeader?.uidHeaders ?? []),
      ...list("requestheader-username-headers", requestHeader?.usernameHeaders ?? []),
    }),
  };
}

/** What is no list of strings was not written by a server. */
function stringsOf(text: string | undefined): readonly string[] {
  if (text === undefined || text === "") return [];
  try {
    const value = JSON.parse(text) as unknown;
    return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
  } catch (err) {
    if (err instanceof SyntaxError) return [];
    throw err;
  }
}
