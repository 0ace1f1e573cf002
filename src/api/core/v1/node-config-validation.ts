/** Rules for configuration sources of nodes, which nothing uses any more: stored ones stay valid. @module */
import { field, isConfigMapKey, isDns1123Label, isDns1123Subdomain } from "#apimachinery";
import { NONE, requiredName, type Causes } from "../../validation/common.ts";
import type { ConfigMapNodeConfigSource, NodeConfigSource, NodeConfigStatus } from "./types.gen.ts";

const EXACTLY_ONE = "exactly one reference subfield must be non-nil";

export function validateConfigSource({ configMap }: NodeConfigSource, path: string): Causes {
  const at = field.child(path, "configMap");
  if (configMap === undefined) return [field.invalid(path, { ConfigMap: null }, EXACTLY_ONE)];
  return [
    ...(configMap.uid ? [field.forbidden(field.child(at, "uid"), "uid must not be set in spec")] : NONE),
    ...(configMap.resourceVersion
      ? [field.forbidden(field.child(at, "resourceVersion"), "resourceVersion must not be set in spec")]
      : NONE),
    ...validateTarget(configMap, at),
  ];
}

export function validateConfigStatus(status: NodeConfigStatus, path: string): Causes {
  return (["assigned", "active", "lastKnownGood"] as const).flatMap((name) => {
    const source = status[name];
    const at = field.child(path, name);
    if (source === undefined) return [];
    if (source.configMap === undefined) return [field.invalid(at, { ConfigMap: null }, EXACTLY_ONE)];
    const mapPath = field.child(at, "configMap");
    return [
      ...(source.configMap.uid ? NONE : [field.required(field.child(mapPath, "uid"))]),
      ...(source.configMap.resourceVersion
        ? NONE
        : [field.required(field.child(mapPath, "resourceVersion"))]),
      ...validateTarget(source.configMap, mapPath),
    ];
  });
}

function validateTarget(source: ConfigMapNodeConfigSource, path: string): Causes {
  return [
    ...requiredName(isDns1123Label, source.namespace, field.child(path, "namespace")),
    ...requiredName(isDns1123Subdomain, source.name, field.child(path, "name")),
    ...requiredName(isConfigMapKey, source.kubeletConfigKey, field.child(path, "kubeletConfigKey")),
  ];
}
