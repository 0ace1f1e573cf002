/** Rules for ConfigMaps. @module */
import { byteLength, field, isConfigMapKey } from "#apimachinery";
import { NONE, obeys, type Causes } from "../../validation/common.ts";
import { semanticEqual } from "../../validation/semantic-equal.ts";
import { base64Length } from "./base64.ts";
import type { ConfigMap } from "./types.gen.ts";

/** Bytes of all keys' values; etcd's limit leaves no more. */
export const DATA_BYTES_MAX: number = 1024 * 1024;
export const IMMUTABLE_MESSAGE: string = "field is immutable when `immutable` is set";

export function validateConfigMap(cm: ConfigMap, old?: ConfigMap): Causes {
  const { data = {}, binaryData = {} } = cm;
  const texts = Object.values(data).reduce((sum, value) => sum + byteLength(value), 0);
  const bytes = Object.values(binaryData).reduce((sum, value) => sum + base64Length(value), 0);
  return [
    ...(old === undefined ? NONE : validateConfigMapUpdate(cm, old)),
    ...Object.keys(data).flatMap((key) => [
      ...obeys(isConfigMapKey, key, field.key("data", key)),
      ...(Object.hasOwn(binaryData, key)
        ? [field.invalid(field.key("data", key), key, "duplicate of key present in binaryData")]
        : NONE),
    ]),
    ...Object.keys(binaryData).flatMap((key) => obeys(isConfigMapKey, key, field.key("binaryData", key))),
    ...(texts + bytes > DATA_BYTES_MAX ? [field.tooLong("[]", DATA_BYTES_MAX)] : NONE),
  ];
}

function validateConfigMapUpdate(cm: ConfigMap, old: ConfigMap): Causes {
  if (old.immutable !== true) return NONE;
  return [
    ...(cm.immutable === true ? NONE : [field.forbidden("immutable", IMMUTABLE_MESSAGE)]),
    ...(["data", "binaryData"] as const)
      .filter((name) => !semanticEqual(cm[name], old[name]))
      .map((name) => field.forbidden(name, IMMUTABLE_MESSAGE)),
  ];
}
