/** Keeps ServiceCIDRs from going while Services have addresses of theirs, and says whether they are ready. @module */
import { formatTime, type Kind } from "#apimachinery";
import { IPAddresses } from "#api/networking/v1/ipaddress";
import { ServiceCIDRs } from "#api/networking/v1/servicecidr";
import type { Condition } from "#api/meta/v1/types.gen";
import { source, type Controller, type ControllerContext } from "#controller-runtime";
import { unlessGone } from "../unless-gone.ts";
import { containing, FINALIZER, overlapping, planServiceCIDR } from "./plan.ts";

const FIELD_MANAGER = "service-cidr-controller";

/** Safe on a stale cache: finalizers and conditions are patched alone, and a range goes only after a while. */
export function serviceCIDRsController({
  client,
  clock,
  informers,
  recorder,
}: ControllerContext): Controller {
  const cidrs = informers.lister(ServiceCIDRs);
  const addresses = informers.lister(IPAddresses);
  const setReady = (name: string, condition: Condition, signal: AbortSignal): Promise<unknown> => {
    const { apiVersion, kind } = { apiVersion: "networking.k8s.io/v1", kind: "ServiceCIDR" };
    const body = { apiVersion, kind, metadata: { name }, status: { conditions: [condition] } };
    const options = { subresource: "status", fieldManager: FIELD_MANAGER };
    return unlessGone(
      client.patch(ServiceCIDRs, { name }, { type: "apply", body, force: true }, signal, options),
    );
  };
  const setFinalizer = (name: string, change: "add" | "remove", signal: AbortSignal): Promise<unknown> => {
    const field = change === "add" ? "finalizers" : "$deleteFromPrimitiveList/finalizers";
    const body = { metadata: { [field]: [FINALIZER] } };
    return unlessGone(client.patch(ServiceCIDRs, { name }, { type: "strategic", body }, signal));
  };
  return {
    name: "service-cidr-controller",
    reconciles: ServiceCIDRs as unknown as Kind,
    watches: [
      source(ServiceCIDRs, (cidr) => overlapping(cidr, cidrs.list())),
      source(IPAddresses, (address) => containing(address, cidrs.list())),
    ],
    async reconcile(key, signal) {
      const cidr = cidrs.get(key);
      if (cidr === undefined) return {};
      const nowMs = clock.now();
      const plan = planServiceCIDR(cidr, cidrs.list(), addresses.list(), nowMs, formatTime(nowMs));
      const { finalizer, condition, afterMs } = plan;
      if (finalizer !== undefined) await setFinalizer(cidr.metadata.name, finalizer, signal);
      try {
        if (condition !== undefined) await setReady(cidr.metadata.name, condition, signal);
      } catch (err) {
        const message = "The ServiceCIDR Status can not be set to Ready=True";
        recorder.event(cidr, "Warning", "KubernetesServiceCIDRError", message);
        throw err;
      }
      return afterMs === undefined ? {} : { requeueAfterMs: afterMs };
    },
  };
}
