/** Names that a pod sees and has: DNS configuration, host aliases, host name. @module */
import { byteLength, field, isDns1123Subdomain, type NameRule } from "#apimachinery";
import type { HostAlias, PodSpec } from "../core/v1/types.gen.ts";
import { all, each, NONE, obeys, type Causes } from "./common.ts";
import { validIpLegacy } from "./ip.ts";

const NAMESERVERS_MAX = 3;
const SEARCHES_MAX = 32;
const SEARCH_CHARACTERS_MAX = 2048;
const HOSTNAME_BYTES_MAX = 64;

/** Search paths may have underscores, as service records do. */
const isSearchPath: NameRule = (value) => isDns1123Subdomain(value.replaceAll("_", "0"));

export function validateDnsConfig({ dnsConfig, dnsPolicy }: PodSpec, path: string): Causes {
  const nameservers = dnsConfig?.nameservers ?? [];
  if (dnsPolicy === "None" && dnsConfig === undefined) {
    return [field.required(path, "must provide `dnsConfig` when `dnsPolicy` is None")];
  }
  if (dnsPolicy === "None" && nameservers.length === 0) {
    const message = "must provide at least one DNS nameserver when `dnsPolicy` is None";
    return [field.required(field.child(path, "nameservers"), message)];
  }
  if (dnsConfig === undefined) return NONE;
  const searches = dnsConfig.searches ?? [];
  const searchesPath = field.child(path, "searches");
  return all(
    nameservers.length > NAMESERVERS_MAX
      ? [
          field.invalid(
            field.child(path, "nameservers"),
            nameservers,
            `must not have more than ${NAMESERVERS_MAX} nameservers`,
          ),
        ]
      : NONE,
    each(nameservers, field.child(path, "nameservers"), (server, at) => validIpLegacy(server, at)),
    searches.length > SEARCHES_MAX
      ? [field.invalid(searchesPath, searches, `must not have more than ${SEARCHES_MAX} search paths`)]
      : NONE,
    searches.join(" ").length > SEARCH_CHARACTERS_MAX
      ? [
          field.invalid(
            searchesPath,
            searches,
            `must not have more than ${SEARCH_CHARACTERS_MAX} characters (including spaces) in the search list`,
          ),
        ]
      : NONE,
    each(searches, searchesPath, (search, at) =>
      search === "." ? NONE : obeys(isSearchPath, search.replace(/\.$/, ""), at),
    ),
    each(dnsConfig.options, field.child(path, "options"), (option, at) =>
      option.name ? NONE : [field.required(at, "must not be empty")],
    ),
  );
}

export function validateHostAliases(aliases: readonly HostAlias[] | undefined, path: string): Causes {
  return each(aliases, path, (alias, at) =>
    all(
      validIpLegacy(alias.ip, field.child(at, "ip")),
      each(alias.hostnames, field.child(at, "hostnames"), (name, p) => obeys(isDns1123Subdomain, name, p)),
    ),
  );
}

export function validateHostname(spec: PodSpec, path: string): Causes {
  const { hostnameOverride: name } = spec;
  if (name === undefined) return NONE;
  const at = field.child(path, "hostnameOverride");
  return all(
    spec.setHostnameAsFQDN === true
      ? [field.forbidden(at, "may not be specified when setHostnameAsFQDN is true")]
      : NONE,
    spec.hostNetwork === true ? [field.forbidden(at, "may not be specified when hostNetwork is true")] : NONE,
    byteLength(name) > HOSTNAME_BYTES_MAX ? [field.tooLong(at, HOSTNAME_BYTES_MAX)] : NONE,
    obeys(isDns1123Subdomain, name, at),
  );
}
