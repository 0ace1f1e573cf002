/** What the handlers of resources work with. @module */
import type { Clock } from "#apimachinery";
import type { RequestMetrics } from "../http/request-metrics.ts";
import type { RequestInfo } from "../http/request-info.ts";
import type { AdmissionChain } from "../admission/plugin.ts";
import type { FieldManager } from "../registry/field-manager.ts";
import type { Registry } from "../registry/registry.ts";
import type { ServedResource } from "../registry/served-resource.ts";
import type { Authorizer } from "../user-info.ts";
import type { ApiRequest } from "./request.ts";

export interface HandlerContext {
  readonly clock: Clock;
  readonly registry: Registry;
  readonly admission: AdmissionChain;
  readonly authorizer: Authorizer;
  readonly fieldManager: FieldManager | undefined;
  readonly metrics?: RequestMetrics;
}

/** A request that was routed to a resource. */
export interface ResourceRequest {
  readonly request: ApiRequest;
  readonly info: RequestInfo;
  readonly served: ServedResource;
  readonly context: HandlerContext;
}
