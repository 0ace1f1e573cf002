/** Node is a machine that runs pods. @module */
import type { Kind } from "#apimachinery";
import { sorted } from "#apimachinery";
import { ageColumn, nameColumn, text, wide } from "../../printing/columns.ts";
import { nodeStrategy } from "./node-strategy.ts";
import { validateNode, validateNodeStatusUpdate } from "./node-validation.ts";
import type { Node } from "./types.gen.ts";

const ROLE_PREFIX = "node-role.kubernetes.io/";
const ROLE_LABEL = "kubernetes.io/role";

export const Nodes: Kind<Node> = {
  group: "",
  version: "v1",
  kind: "Node",
  names: { plural: "nodes", singular: "node", short: ["no"] },
  scope: "Cluster",
  subresources: ["status", "proxy"],
  validate: validateNode,
  validateStatusUpdate: validateNodeStatusUpdate,
  strategy: nodeStrategy,
  selectableFields: { "spec.unschedulable": (node) => String(node.spec?.unschedulable ?? false) },
  columns: [
    nameColumn,
    text("Status", statusOf),
    text("Roles", (node) => sorted(rolesOf(node)).join(",") || "<none>"),
    ageColumn,
    text("Version", (node) => node.status?.nodeInfo?.kubeletVersion ?? ""),
    wide("Internal-IP", (node) => addressOf(node, "InternalIP")),
    wide("External-IP", (node) => addressOf(node, "ExternalIP")),
    wide("OS-Image", (node) => node.status?.nodeInfo?.osImage || "<unknown>"),
    wide("Kernel-Version", kernelVersion),
    wide("Container-Runtime", (node) => node.status?.nodeInfo?.containerRuntimeVersion || "<unknown>"),
  ],
};

function statusOf(node: Node): string {
  const ready = node.status?.conditions?.findLast((condition) => condition.type === "Ready");
  const status = ready === undefined ? "Unknown" : ready.status === "True" ? "Ready" : "NotReady";
  return node.spec?.unschedulable === true ? `${status},SchedulingDisabled` : status;
}

function rolesOf(node: Node): Set<string> {
  const roles = new Set<string>();
  for (const [key, value] of Object.entries(node.metadata.labels ?? {})) {
    if (key.startsWith(ROLE_PREFIX) && key !== ROLE_PREFIX) roles.add(key.slice(ROLE_PREFIX.length));
    else if (key === ROLE_LABEL && value !== "") roles.add(value);
  }
  return roles;
}

function addressOf(node: Node, type: string): string {
  return node.status?.addresses?.find((address) => address.type === type)?.address ?? "<none>";
}

function kernelVersion(node: Node): string {
  const info = node.status?.nodeInfo;
  const version = info?.kernelVersion || "<unknown>";
  const architecture = info?.architecture ?? "";
  return architecture === "" ? version : `${version} (${architecture})`;
}
