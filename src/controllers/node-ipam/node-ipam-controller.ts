/** Gives every node a part of the cluster's pod addresses. @module */
import type { Kind, ObjectKey } from "#apimachinery";
import { isNotFound, untilAborted } from "#apimachinery";
import { Nodes } from "#api/core/v1/node";
import type { Controller, ControllerContext, Result } from "#controller-runtime";
import type { MetricsSink } from "#client";
import type { CidrSetObserver } from "./cidr-set.ts";
import type { IpamOptions } from "./plan.ts";
import { Ipam } from "./plan.ts";

/** A full range is tried again when a node goes, and at the latest after this long. */
const FULL_RETRY_MS = 30_000;

/**
 * Safe on a stale cache: what was given to a node is remembered here until the node is gone, also while the cache
 * does not show it; at the start, everything that nodes have is taken note of before the first allocation.
 */
export function nodeIpamController(context: ControllerContext, options: IpamOptions): Controller {
  const { client, informers, metrics, recorder } = context;
  const nodes = informers.lister(Nodes);
  const ipam = new Ipam(options, metrics && ((clusterCIDR) => rangeMetrics(metrics, clusterCIDR)));
  let isPrimed = false;

  async function reconcile(key: ObjectKey, signal: AbortSignal): Promise<Result> {
    if (!isPrimed) {
      for (const node of nodes.list()) ipam.observe(node);
      isPrimed = true;
    }
    const node = nodes.get(key);
    if (node === undefined) {
      ipam.forget(key);
      return {};
    }
    if (node.metadata.deletionTimestamp !== undefined) return {};
    ipam.observe(node);
    const allocation = ipam.allocate(node);
    if (allocation.type === "assigned") return {};
    if (allocation.type === "full") {
      recorder.event(node, "Normal", "CIDRNotAvailable", `Node ${key} status is now: CIDRNotAvailable`);
      return { requeueAfterMs: FULL_RETRY_MS };
    }
    const { podCIDRs } = allocation;
    const body = { spec: { podCIDR: podCIDRs[0], podCIDRs } };
    try {
      await client.patch(Nodes, node.metadata, { type: "merge", body }, signal);
    } catch (err) {
      if (isNotFound(err)) return {};
      recorder.event(
        node,
        "Normal",
        "CIDRAssignmentFailed",
        `Node ${key} status is now: CIDRAssignmentFailed`,
      );
      throw err;
    }
    return {};
  }

  return {
    name: "node-ipam-controller",
    eventSource: "cidrAllocator",
    reconciles: Nodes as Kind,
    workers: 4,
    async background(_enqueue, signal) {
      const labels = { name: "nodeipam", manager: "kube-controller-manager" };
      metrics?.set("running_managed_controllers", labels, 1);
      await untilAborted(signal);
      metrics?.set("running_managed_controllers", labels, 0);
    },
    reconcile,
  };
}

/** Under upstream's names, one of which has its letters in another order. */
function rangeMetrics(metrics: MetricsSink, clusterCIDR: string): CidrSetObserver {
  const about = { clusterCIDR };
  const uses = (part: number): void => metrics.set("node_ipam_controller_cidrset_usage_cidrs", about, part);
  return {
    sized: (parts) => metrics.set("node_ipam_controller_cirdset_max_cidrs", about, parts),
    taken: (usedPart) => {
      metrics.inc("node_ipam_controller_cidrset_cidrs_allocations_total", about);
      uses(usedPart);
    },
    released: (usedPart) => {
      metrics.inc("node_ipam_controller_cidrset_cidrs_releases_total", about);
      uses(usedPart);
    },
    tried: (passed) =>
      metrics.observe("node_ipam_controller_cidrset_allocation_tries_per_request", about, passed),
  };
}
