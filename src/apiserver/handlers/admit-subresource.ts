/** Asks admission about what is no write of an object: creates of subresources, and connections. @module */
import { badRequest, type GroupVersionKind, type KubeObject } from "#apimachinery";
import type { Attributes } from "../admission/plugin.ts";
import type { ResourceRequest } from "./handler-context.ts";

/** `object` as admission leaves it. Throws its refusal. */
export async function admitCreate<T extends KubeObject>(
  routed: ResourceRequest,
  objectKind: GroupVersionKind,
  object: T,
  dryRun: boolean,
): Promise<T> {
  const { admission } = routed.context;
  const attributes = attributesOf(routed, "CREATE", objectKind, object, dryRun);
  const admitted = (await admission.admit(object, attributes)) as T;
  await admission.validate({ ...attributes, object: admitted });
  return admitted;
}

const CORE = { group: "", version: "v1" };
const CONNECTS: Readonly<Record<string, string>> = {
  "core/pods/exec": "PodExecOptions",
  "core/pods/attach": "PodAttachOptions",
  "core/pods/portforward": "PodPortForwardOptions",
  "core/pods/proxy": "PodProxyOptions",
  "core/services/proxy": "ServiceProxyOptions",
  "core/nodes/proxy": "NodeProxyOptions",
};
/** Options that are lists, and that are flags; the others are text. */
const LISTS: ReadonlySet<string> = new Set(["command", "ports"]);
const FLAGS: ReadonlySet<string> = new Set(["stdin", "stdout", "stderr", "tty"]);

/** Undefined: the request opens no connection. */
export function admitConnect(routed: ResourceRequest): Promise<void> | undefined {
  const { request, info, served, context } = routed;
  const kind = CONNECTS[`${served.resource}/${info.subresource}`];
  if (kind === undefined) return undefined;
  if (request.query.has("dryRun")) throw badRequest("dryRun is not supported");
  const options: Record<string, unknown> = {};
  for (const name of new Set(request.query.keys())) {
    const values = request.query.getAll(name);
    const [value = ""] = values;
    options[name] = LISTS.has(name) ? values : FLAGS.has(name) ? value === "true" || value === "1" : value;
  }
  if (kind.endsWith("ProxyOptions")) options["path"] = info.rest;
  const object = { apiVersion: "v1", kind, ...options } as unknown as KubeObject;
  const attributes = attributesOf(routed, "CONNECT", { ...CORE, kind }, object, false);
  return context.admission.admit(object, attributes).then(() => context.admission.validate(attributes));
}

function attributesOf(
  { request, info, served }: ResourceRequest,
  operation: Attributes["operation"],
  objectKind: GroupVersionKind,
  object: KubeObject,
  dryRun: boolean,
): Attributes {
  return {
    operation,
    kind: served.kind,
    requestKind: served.kind,
    objectKind,
    resource: served.resource,
    subresource: info.subresource,
    namespace: info.namespace,
    name: info.name,
    object,
    user: request.user,
    dryRun,
    ...(operation === "CREATE" && {
      options: { apiVersion: "meta.k8s.io/v1", kind: "CreateOptions", ...(dryRun && { dryRun: ["All"] }) },
    }),
    signal: request.signal,
    warn: (message) => request.warn(message),
    addAuditAnnotation: (key, value, level) => request.audit?.addAuditAnnotation(key, value, level),
    waited: (ms) => request.waited?.(ms),
  };
}
