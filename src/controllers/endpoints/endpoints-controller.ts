/** Keeps the Endpoints of every service with a selector true to its pods, for clients older than EndpointSlices. @module */
import type { Kind, ObjectKey } from "#apimachinery";
import { isConflict, isNamespaceGone, keyOf, messageOf } from "#apimachinery";
import { Endpoints } from "#api/core/v1/endpoints";
import { Pods } from "#api/core/v1/pod";
import { Services } from "#api/core/v1/service";
import type { Endpoints as EndpointsObject } from "#api/core/v1/types.gen";
import type { Controller, ControllerContext, Result } from "#controller-runtime";
import { source } from "#controller-runtime";
import { TriggerTimes } from "../endpointslice/trigger-times.ts";
import { servicePods } from "../service-pods.ts";
import { unlessGone } from "../unless-gone.ts";
import { MANAGED_BY_LABEL, plan } from "./plan.ts";

/** Safe on a stale cache: the name is fixed, and updates carry the resourceVersion they were decided on. */
export function endpointsController(context: ControllerContext): Controller {
  const { client, informers, recorder } = context;
  const services = informers.lister(Services);
  const endpoints = informers.lister(Endpoints);
  const behind = servicePods(context);
  const triggers = new TriggerTimes();

  async function reconcile(key: ObjectKey, signal: AbortSignal): Promise<Result> {
    const service = services.get(key);
    const current = endpoints.get(key);
    if (service === undefined) {
      triggers.forget(key);
      if (current !== undefined && !isElection(current)) await remove(current, signal);
      return {};
    }
    if (service.spec?.selector === undefined || service.spec.type === "ExternalName") return {};
    const pods = behind.podsOf(service);
    const next = plan(service, pods, current, triggers.observe(key, service, pods));
    if (next === undefined) return {};
    try {
      if (current === undefined) await client.create(Endpoints, next, signal);
      else await client.update(Endpoints, next, signal);
    } catch (err) {
      if (isNamespaceGone(err)) return {};
      if (!isConflict(err)) report(next, current === undefined, key, messageOf(err));
      throw err;
    }
    return {};
  }

  async function remove({ metadata }: EndpointsObject, signal: AbortSignal): Promise<void> {
    const preconditions = { uid: metadata.uid! };
    await unlessGone(client.delete(Endpoints, metadata, signal, { preconditions }));
  }

  function report(about: EndpointsObject, isNew: boolean, key: ObjectKey, message: string): void {
    if (isNew)
      recorder.event(
        about,
        "Warning",
        "FailedToCreateEndpoint",
        `Failed to create endpoint for service ${key}: ${message}`,
      );
    else
      recorder.event(
        about,
        "Warning",
        "FailedToUpdateEndpoint",
        `Failed to update endpoint ${key}: ${message}`,
      );
  }

  return {
    name: "endpoints-controller",
    eventSource: "endpoint-controller",
    reconciles: Services as Kind,
    watches: [
      source(Pods, behind.servicesOf),
      // What others do to ours is undone, and ours go with their service also if nobody watched; the rest is not ours.
      source(Endpoints, (object) =>
        isManaged(object) || services.get(keyOf(object)) !== undefined ? [keyOf(object)] : [],
      ),
    ],
    reconcile,
  };
}

function isManaged({ metadata }: EndpointsObject): boolean {
  return metadata.labels?.[MANAGED_BY_LABEL] === "endpoint-controller";
}

/** Old clients used Endpoints without a service to elect leaders. */
function isElection({ metadata }: EndpointsObject): boolean {
  return metadata.annotations?.["control-plane.alpha.kubernetes.io/leader"] !== undefined;
}
