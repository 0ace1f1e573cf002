/** Watch events: how the API tells of changes. @module */
import type { Status } from "./errors.ts";
import type { KubeObject } from "./meta.ts";

/** A BOOKMARK carries only `metadata.resourceVersion`; an ERROR carries a Status and ends the watch. */
export type WatchEvent<T extends KubeObject = KubeObject> =
  | { readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK"; readonly object: T }
  | { readonly type: "ERROR"; readonly object: Status };
