/** Waiting until somebody serves behind a Service. @module */
import { EndpointSlices } from "#api/discovery/v1/endpointslice";
import { SERVICE_NAME_LABEL } from "#api/discovery/v1/service-keys";
import type { EndpointSlice } from "#api/discovery/v1/types.gen";
import { type Clock, deadline } from "#apimachinery";
import type { Client, ObjectRef } from "#client";
import { EXIT, UserError } from "./user-error.ts";

/** Resolves when the service has a ready endpoint. */
export async function waitForEndpoint(
  client: Client,
  { namespace, name }: ObjectRef,
  waitMs: number,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  using limit = deadline(clock, waitMs, new Error("The time to wait is over"));
  const timeout = limit.signal;
  const options = {
    ...(namespace !== undefined && { namespace }),
    labelSelector: `${SERVICE_NAME_LABEL}=${name}`,
    resourceVersion: "0",
  };
  try {
    for await (const event of client.watch(EndpointSlices, options, AbortSignal.any([signal, timeout]))) {
      if (event.type === "ERROR" || event.type === "BOOKMARK" || event.type === "DELETED") continue;
      if (hasReadyEndpoint(event.object)) return;
    }
  } catch (err) {
    if (!timeout.aborted) throw err;
  }
  signal.throwIfAborted();
  throw new UserError(`no pod of service ${namespace}/${name} was ready within ${waitMs / 1000} s`, {
    id: "SVC_UNREACHABLE",
    exitCode: EXIT.unavailable,
    fix: `k8ts kubectl -- describe service ${name} -n ${namespace}`,
  });
}

function hasReadyEndpoint(slice: EndpointSlice): boolean {
  return (slice.endpoints ?? []).some((endpoint) => endpoint.conditions?.ready !== false);
}
