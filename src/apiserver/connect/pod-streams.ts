/** `pods/exec`, `attach` and `portforward`: the connection is taken over and joined with one to the kubelet. @module */
import { badRequest, forbidden, type Clock } from "#apimachinery";
import type { Pod } from "#api/core/v1/types.gen";
import { authorizationAttributes } from "../handlers/authorize.ts";
import type { ResourceRequest } from "../handlers/handler-context.ts";
import type { Result } from "../handlers/request.ts";
import type { SubresourceHandlers } from "../handlers/subresources.ts";
import { isTrue } from "../http/request-info.ts";
import { streamToBackend } from "../streaming/index.ts";
import { SYSTEM_MASTERS } from "../user-info.ts";
import { containerOf } from "./container.ts";
import type { KubeletConnection } from "./kubelet-connection.ts";

type Subresource = "exec" | "attach" | "portforward";

/** The API's name of a stream -> the kubelet's. */
const STREAMS = { stdin: "input", stdout: "output", stderr: "error", tty: "tty" } as const;

export function podStreamHandlers(
  subresource: Subresource,
  kubelets: KubeletConnection,
  clock: Clock,
): SubresourceHandlers {
  const handle = (routed: ResourceRequest): Promise<Result> => connect(routed, subresource, kubelets, clock);
  return { get: handle, create: handle };
}

/** WebSockets begin with GET, which was authorized as `get`: whoever may only read must not run commands, as with POST. */
async function authorizeCreate({ request, info, context }: ResourceRequest): Promise<void> {
  const { user, query } = request;
  if (info.verb === "create" || user.groups.includes(SYSTEM_MASTERS)) return;
  const attributes = authorizationAttributes(user, { ...info, verb: "create" }, query);
  const { allowed, reason = "" } = await context.authorizer.authorize(attributes);
  if (!allowed) throw forbidden({ group: info.group, resource: info.resource }, info.name, reason);
}

async function connect(
  routed: ResourceRequest,
  subresource: Subresource,
  kubelets: KubeletConnection,
  clock: Clock,
): Promise<Result> {
  await authorizeCreate(routed);
  const { request, info, served } = routed;
  const { query, signal, upgrade } = request;
  const { namespace, name } = info;
  const pod = (await served.store.get(namespace, name)).object as Pod;
  const nodeName = pod.spec?.nodeName ?? "";
  if (nodeName === "") throw badRequest(`pod ${name} does not have a host assigned`);
  const isPortForward = subresource === "portforward";
  const container = isPortForward ? "" : containerOf(pod, query.get("container") ?? "");
  if (subresource === "exec" && query.getAll("command").length === 0) {
    throw badRequest("you must specify at least 1 command for the container");
  }
  const path = isPortForward
    ? `/portForward/${namespace}/${name}`
    : `/${subresource}/${namespace}/${name}/${container}`;
  const backend = kubelets.backend(nodeName, path, kubeletQuery(subresource, query));
  if (upgrade === undefined) throw badRequest("Upgrade request required");
  await streamToBackend(upgrade, { subresource, query, backend, clock }, signal);
  return { type: "upgraded" };
}

function kubeletQuery(subresource: Subresource, query: URLSearchParams): URLSearchParams {
  const parameters = new URLSearchParams();
  if (subresource === "portforward") {
    const ports = query.getAll("ports");
    if (ports.length > 0) parameters.set("port", ports.join(","));
    return parameters;
  }
  for (const [name, kubeletName] of Object.entries(STREAMS)) {
    if (isTrue(query.get(name))) parameters.set(kubeletName, "1");
  }
  for (const word of query.getAll("command")) parameters.append("command", word);
  return parameters;
}
