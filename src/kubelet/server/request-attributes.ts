/** What a request to the kubelet's endpoint is in the words of authorization: a verb on a part of the node. Pure. @module */

export interface RequestAttributes {
  readonly verb: string;
  /** Permission for one of them is enough; the more special comes first. */
  readonly subresources: readonly string[];
}

const VERBS: Readonly<Record<string, string>> = {
  POST: "create",
  GET: "get",
  PUT: "update",
  PATCH: "patch",
  DELETE: "delete",
};

/** First segment of the path → parts of the node that stand for it. All else is `proxy`: whoever may that, may do everything. */
const SUBRESOURCES: Readonly<Record<string, readonly string[]>> = {
  pods: ["pods", "proxy"],
  runningpods: ["pods", "proxy"],
  healthz: ["healthz", "proxy"],
  configz: ["configz", "proxy"],
  flagz: ["configz"],
  statusz: ["statusz"],
  stats: ["stats"],
  metrics: ["metrics"],
  logs: ["log"],
  checkpoint: ["checkpoint"],
};

/** `path` as the router sees it: without empty segments. */
export function requestAttributes(method: string, path: string): RequestAttributes {
  const [first = ""] = path.split("/").filter((segment) => segment !== "");
  return {
    verb: VERBS[method] ?? "",
    subresources: Object.hasOwn(SUBRESOURCES, first) ? SUBRESOURCES[first]! : ["proxy"],
  };
}

/** The one reading of a request's target that both authorization and routing use: no dot segments, no empty ones. */
export function requestUrl(target: string): URL {
  const url = new URL(target.startsWith("/") ? `https://kubelet${target}` : target, "https://kubelet");
  url.pathname = url.pathname.replaceAll(/\/{2,}/g, "/");
  return url;
}
