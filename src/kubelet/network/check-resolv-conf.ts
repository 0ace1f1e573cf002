/** Tells, once, when pods cannot have all that the node's resolver is given. @module */
import type { EventRecorder } from "#client";
import { resolvConfProblem } from "./dns-limits.ts";
import { parseResolvConf } from "./dns.ts";

export interface ResolvConfCheck {
  readonly recorder: EventRecorder;
  readonly nodeName: string;
  readonly path: string;
  /** Undefined when it could not be read. */
  readonly text: string | undefined;
  readonly clusterDomain: string;
}

export function checkResolvConf({ recorder, nodeName, path, text, clusterDomain }: ResolvConfCheck): void {
  if (text === undefined) return;
  const problem = resolvConfProblem(path, parseResolvConf(text), clusterDomain);
  // The node may not be registered yet: as upstream's, the reference has its name for a UID.
  const node = { apiVersion: "v1", kind: "Node", metadata: { name: nodeName, uid: nodeName } };
  if (problem !== undefined) recorder.event(node, "Warning", "CheckLimitsForResolvConf", problem);
}
