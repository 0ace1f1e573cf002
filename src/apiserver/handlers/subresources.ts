/** Subresources: which handlers answer `/pods/x/binding`. @module */
import { hasStatus } from "../registry/status.ts";
import type { ServedResource } from "../registry/served-resource.ts";
import type { ResourceRequest } from "./handler-context.ts";
import { handlePatch } from "./patch.ts";
import { handleGet } from "./read.ts";
import type { Result } from "./request.ts";
import { handleUpdate } from "./write.ts";

/** By verb; `connect` answers any. */
export type SubresourceHandlers = Readonly<
  Partial<Record<string, (routed: ResourceRequest) => Promise<Result>>>
>;

/** A part of the object that has writers of its own. */
export function partHandlers(subresource: string): SubresourceHandlers {
  return {
    get: handleGet,
    update: (routed) => handleUpdate(routed, subresource),
    patch: (routed) => handlePatch(routed, subresource),
  };
}

const STATUS = partHandlers("status");

export function findSubresource(
  handlers: ReadonlyMap<string, SubresourceHandlers>,
  served: ServedResource,
  subresource: string,
): SubresourceHandlers | undefined {
  if (!served.kind.subresources.includes(subresource)) return undefined;
  if (subresource === "status" && hasStatus(served.kind)) return STATUS;
  return handlers.get(`${served.resource}/${subresource}`) ?? handlers.get(subresource);
}
