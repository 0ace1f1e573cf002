/** What resolvers can take, and what is told of more. Pure; limits and words are upstream's. @module */
import type { DNSConfig } from "#cri";

export type Resolver = Required<DNSConfig>;

const NAMESERVERS_MAX = 3;
const SEARCHES_MAX = 32;
/** Of all search paths, with the spaces between them. */
const SEARCH_LINE_MAX = 2048;
/** Of one search path; some resolvers end the process that asks with a longer one. */
const SEARCH_PATH_MAX = 253;
/** Search paths that the cluster puts before the node's. */
const CLUSTER_SEARCHES = 3;

/** What fits, and a message for each part of which something was left out. */
export function fitLimits({ servers, searches, options }: Resolver): {
  readonly config: Resolver;
  readonly messages: readonly string[];
} {
  const messages: string[] = [];
  const applied = servers.slice(0, NAMESERVERS_MAX);
  if (applied.length < servers.length) {
    const line = applied.join(" ");
    messages.push(
      `Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: ${line}`,
    );
  }
  const searched = fitSearches(searches);
  if (searched.length < searches.length) {
    const line = searched.join(" ");
    messages.push(
      `Search Line limits were exceeded, some search paths have been omitted, the applied search line is: ${line}`,
    );
  }
  return { config: { servers: applied, searches: searched, options }, messages };
}

function fitSearches(searches: readonly string[]): readonly string[] {
  const fitting = searches.slice(0, SEARCHES_MAX).filter(({ length }) => length <= SEARCH_PATH_MAX);
  while (fitting.join(" ").length > SEARCH_LINE_MAX) fitting.pop();
  return fitting;
}

/** Why pods cannot have all of the node's search paths; undefined: they can. */
export function resolvConfProblem(
  path: string,
  { searches }: Pick<Resolver, "searches">,
  clusterDomain: string,
): string | undefined {
  const searchesMax = clusterDomain === "" ? SEARCHES_MAX : SEARCHES_MAX - CLUSTER_SEARCHES;
  if (searches.length > searchesMax)
    return `Resolv.conf file '${path}' contains search line consisting of more than ${searchesMax} domains!`;
  if (searches.some(({ length }) => length > SEARCH_PATH_MAX))
    return `Resolv.conf file ${JSON.stringify(path)} contains a search path which length is more than allowed ${SEARCH_PATH_MAX} chars!`;
  if (searches.join(" ").length > SEARCH_LINE_MAX)
    return `Resolv.conf file '${path}' contains search line which length is more than allowed ${SEARCH_LINE_MAX} chars!`;
  return undefined;
}
