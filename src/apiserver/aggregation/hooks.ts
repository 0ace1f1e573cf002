/** What a write of an APIService needs beyond the rules of its kind: nobody but the server says that it is available. @module */
import type { APIService } from "#api/apiregistration/v1/types.gen";
import { nothingBegun, type ResourceHooks } from "../registry/resource-hooks.ts";
import { asApiService, LOCAL, serviceOf, withAvailability } from "./api-service.ts";

/** Local ones are available from the start. */
export function apiServiceHooks(nowMs: () => number): ResourceHooks {
  return {
    beginCreate: async (object) => {
      const { status: _status, ...sent } = asApiService(object);
      const created: APIService = { ...sent, status: {} };
      return nothingBegun(
        serviceOf(created) === undefined ? withAvailability(created, LOCAL, nowMs()) : created,
      );
    },
  };
}
