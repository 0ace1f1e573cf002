/** Hints for `spec.trafficDistribution`: every endpoint is for its own zone, or for its own node (KEP-4444, KEP-3015). Pure. @module */
import type { Service } from "#api/core/v1/types.gen";
import type { Endpoint, EndpointSlice } from "#api/discovery/v1/types.gen";
import { equalJSON } from "../template-hash.ts";
import type { SliceSet } from "./topology-hints.ts";
import { isReady, withHints } from "./topology-hints.ts";

const CLOSE: ReadonlySet<string> = new Set(["PreferClose", "PreferSameZone", "PreferSameNode"]);

/** Both annotations stand for one thing; the older counts first. */
export function isTopologyModeAuto({ metadata }: Service): boolean {
  const { annotations = {} } = metadata;
  const mode =
    annotations["service.kubernetes.io/topology-aware-hints"] ??
    annotations["service.kubernetes.io/topology-mode"];
  return mode === "Auto" || mode === "auto";
}

/** Empty: none that is known, or the annotation comes first. */
export function trafficDistributionOf(service: Service): string {
  const distribution = service.spec?.trafficDistribution ?? "";
  return CLOSE.has(distribution) && !isTopologyModeAuto(service) ? distribution : "";
}

export function hintClose(distribution: string, { create, update, unchanged }: SliceSet): SliceSet {
  const isForNodes = distribution === "PreferSameNode";
  const hint = (slice: EndpointSlice): EndpointSlice =>
    withHints(slice, (endpoint) => hintsOf(endpoint, isForNodes));
  const isStale = (slice: EndpointSlice): boolean =>
    (slice.endpoints ?? []).some(
      (one) => isReady(one) && !equalJSON(one.hints ?? {}, hintsOf(one, isForNodes) ?? {}),
    );
  const stale = unchanged.filter(isStale);
  return {
    create: create.map(hint),
    update: [...update, ...stale].map(hint),
    unchanged: unchanged.filter((slice) => !stale.includes(slice)),
  };
}

/** What is not ready keeps what it has. */
function hintsOf(endpoint: Endpoint, isForNodes: boolean): Endpoint["hints"] | undefined {
  const { zone, nodeName, hints } = endpoint;
  if (!isReady(endpoint)) return hints;
  const isNode = isForNodes && nodeName !== undefined;
  if (zone === undefined && !isNode) return undefined;
  return {
    ...(zone !== undefined && { forZones: [{ name: zone }] }),
    ...(isNode && { forNodes: [{ name: nodeName }] }),
  };
}
