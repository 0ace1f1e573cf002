/** A mount point for whole URL subtrees that are not resources: discovery, OpenAPI, health, metrics. @module */
import type { ApiRequest, Result } from "../handlers/request.ts";

export interface Route {
  /** True if this route answers `path` (absolute, without query). */
  readonly matches: (path: string) => boolean;
  readonly handle: (request: ApiRequest) => Promise<Result> | Result;
}
