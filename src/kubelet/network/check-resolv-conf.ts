/** Tells, once, when pods cannot have all that the node's resolver is given. @module */
import type { EventRecorder } from "#client";
import { resolvConfProblem } from "./dns-limits.ts";
import type { NodeDNS } from "./dns.ts";

export interface ResolvConfCheck {
  readonly recorder: EventRecorder;
  readonly nodeName: string;
  readonly path: string;
  readonly resolver: () => Promise<Pick<NodeDNS, "base">>;
  readonly clusterDomain: string;
}

export async function checkResolvConf(check: ResolvConfCheck): Promise<void> {
  const { recorder, nodeName, path, resolver, clusterDomain } = check;
  const problem = await resolver().then(
    ({ base }) => resolvConfProblem(path, base, clusterDomain),
    (err: unknown) => (err as Error).message,
  );
  // The node may not be registered yet: as upstream's, the reference has its name for a UID.
  const node = { apiVersion: "v1", kind: "Node", metadata: { name: nodeName, uid: nodeName } };
  if (problem !== undefined) recorder.event(node, "Warning", "CheckLimitsForResolvConf", problem);
}
