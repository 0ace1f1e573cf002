/** What a node's objects say of its CSI drivers. Pure. @module */
import type { Node } from "#api/core/v1/types.gen";
import type { CSINode, CSINodeDriver } from "#api/storage/v1/types.gen";
import type { StringMap } from "./csi-client.ts";

export const NODE_ID_ANNOTATION = "csi.volume.kubernetes.io/nodeid";
const COUNT_MAX = 2 ** 31 - 1;

export interface DriverNodeInfo {
  readonly driver: string;
  readonly nodeId: string;
  /** 0 or less: no limit. */
  readonly maxVolumes: number;
  readonly topology: StringMap;
}

export function newCSINode(node: Node): CSINode {
  const { name, uid = "" } = node.metadata;
  return {
    apiVersion: "storage.k8s.io/v1",
    kind: "CSINode",
    metadata: { name, ownerReferences: [{ apiVersion: "v1", kind: "Node", name, uid }] },
    spec: { drivers: [] },
  };
}

/** False for what an older node of that name left. */
export function isOwnCSINode({ metadata }: CSINode, node: Node): boolean {
  return (metadata.ownerReferences ?? []).some(
    ({ kind, name, uid }) => kind === "Node" && name === node.metadata.name && uid === node.metadata.uid,
  );
}

/** The drivers with this one in them; undefined: nothing would change. */
export function withDriver(
  drivers: readonly CSINodeDriver[],
  { driver, nodeId, maxVolumes, topology }: DriverNodeInfo,
): readonly CSINodeDriver[] | undefined {
  const keys = Object.keys(topology).toSorted();
  const count = maxVolumes > 0 ? Math.min(maxVolumes, COUNT_MAX) : undefined;
  const old = drivers.find(({ name }) => name === driver);
  const isSame =
    old?.nodeID === nodeId &&
    (old.topologyKeys ?? []).toSorted().join() === keys.join() &&
    old.allocatable?.count === count;
  if (isSame) return undefined;
  const next: CSINodeDriver = {
    name: driver,
    nodeID: nodeId,
    topologyKeys: keys,
    ...(count !== undefined && { allocatable: { count } }),
  };
  return [...drivers.filter(({ name }) => name !== driver), next];
}

/** The patch of the Node that tells of the driver; undefined: it says so already. Throws if a label says otherwise. */
export function nodePatch(
  node: Node,
  driver: string,
  /** Undefined: the driver is gone. */
  nodeId: string | undefined,
  topology: StringMap,
): Readonly<Record<string, unknown>> | undefined {
  const { labels = {}, annotations = {} } = node.metadata;
  for (const [key, value] of Object.entries(topology)) {
    const current = labels[key];
    if (current === undefined || current === value) continue;
    const [k, v, c] = [key, value, current].map((text) => JSON.stringify(text));
    throw new Error(
      `detected topology value collision: driver reported ${k}:${v} but existing label is ${k}:${c}`,
    );
  }
  const missing = Object.entries(topology).filter(([key]) => labels[key] === undefined);
  const ids = idsOf(annotations[NODE_ID_ANNOTATION]);
  const isSame = ids.get(driver) === nodeId;
  if (isSame && missing.length === 0) return undefined;
  if (nodeId === undefined) ids.delete(driver);
  else ids.set(driver, nodeId);
  const value = ids.size === 0 ? null : JSON.stringify(Object.fromEntries(ids));
  return {
    metadata: {
      ...(!isSame && { annotations: { [NODE_ID_ANNOTATION]: value } }),
      ...(missing.length > 0 && { labels: Object.fromEntries(missing) }),
    },
  };
}

function idsOf(annotation: string | undefined): Map<string, string> {
  if (annotation === undefined || annotation === "") return new Map();
  return new Map(Object.entries(JSON.parse(annotation) as StringMap));
}
