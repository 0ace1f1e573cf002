/** What a path and method ask for, before anything is looked up; upstream's `RequestInfo`. @module */

export interface RequestInfo {
  readonly isResourceRequest: boolean;
  /** Upstream's verb: `get list watch create update patch delete deletecollection`, or the lower-case method of other requests. */
  readonly verb: string;
  readonly path: string;
  readonly group: string;
  readonly version: string;
  readonly namespace: string;
  readonly resource: string;
  readonly subresource: string;
  readonly name: string;
  /** What follows the subresource (`proxy/<rest>`). */
  readonly rest: string;
}

const VERBS: Readonly<Record<string, string>> = {
  GET: "get",
  HEAD: "get",
  POST: "create",
  PUT: "update",
  PATCH: "patch",
  DELETE: "delete",
};

/** Words that after `namespaces/<name>/` are subresources of the namespace, not resources in it. */
const NAMESPACE_SUBRESOURCES = new Set(["status", "finalize"]);

/** `path` is decoded: an escaped slash separates like any other, as in upstream. Slashes around the path say nothing. */
export function requestInfo(method: string, path: string, query: URLSearchParams): RequestInfo {
  const segments = trimSlashes(path).split("/");
  // ["api", "v1", …] or ["apis", group, version, …]
  const isCore = segments[0] === "api";
  const at = isCore ? 2 : 3;
  if ((!isCore && segments[0] !== "apis") || segments.length <= at) return nonResource(method, path);
  const group = isCore ? "" : segments[1]!;
  const version = segments[at - 1]!;
  let parts = segments.slice(at);
  let verb = VERBS[method] ?? method.toLowerCase();
  // The old form of a watch: /api/v1/watch/…
  const isLegacyWatch = parts[0] === "watch" && parts.length > 1;
  if (isLegacyWatch) parts = parts.slice(1);

  let namespace = "";
  if (parts[0] === "namespaces" && parts.length > 1) {
    namespace = parts[1]!;
    if (parts.length > 2 && !NAMESPACE_SUBRESOURCES.has(parts[2]!)) parts = parts.slice(2);
  }
  const [resource = "", name = "", subresource = "", ...rest] = parts;
  if (name === "" && verb === "get") verb = "list";
  if (name === "" && verb === "delete") verb = "deletecollection";
  const asksWatch = verb === "list" && isTrue(query.get("watch"));
  if (asksWatch || isLegacyWatch) verb = "watch";
  return {
    isResourceRequest: true,
    verb,
    path,
    group,
    version,
    namespace,
    resource,
    subresource,
    name,
    rest: rest.join("/"),
  };
}

/** As Go's conversion of query parameters: present and neither "false" nor "0". */
export function isTrue(value: string | null): boolean {
  return value !== null && value !== "0" && value.toLowerCase() !== "false";
}

function nonResource(method: string, path: string): RequestInfo {
  const none = { group: "", version: "", namespace: "", resource: "", subresource: "", name: "", rest: "" };
  return { isResourceRequest: false, verb: method.toLowerCase(), path, ...none };
}

function trimSlashes(path: string): string {
  let start = 0;
  let end = path.length;
  while (path[start] === "/") start++;
  while (end > start && path[end - 1] === "/") end--;
  return path.slice(start, end);
}
