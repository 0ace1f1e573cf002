/** Files that volumes are made of: keys of secrets and config maps, fields of the pod. @module */
import { field } from "#apimachinery";
import type { KeyToPath, Volume } from "../core/v1/types.gen.ts";
import { all, NONE, type Causes } from "./common.ts";
import { validateFieldRef, validateResourceFieldRef, VOLUME_FIELD_PATHS } from "./env.ts";
import { validateLocalPath } from "./paths.ts";

const FILE_MODE_MAX = 0o777;

export function validateMode(mode: number | undefined, path: string): Causes {
  if (mode === undefined || (mode >= 0 && mode <= FILE_MODE_MAX)) return NONE;
  return [field.invalid(path, mode, "must be a number between 0 and 0777 (octal), both inclusive")];
}

export function validateKeyToPath(item: KeyToPath, path: string): Causes {
  return all(
    item.key ? NONE : [field.required(field.child(path, "key"))],
    item.path ? NONE : [field.required(field.child(path, "path"))],
    validateLocalPath(item.path, field.child(path, "path")),
    validateMode(item.mode, field.child(path, "mode")),
  );
}

type DownwardFile = NonNullable<NonNullable<Volume["downwardAPI"]>["items"]>[number];

export function validateDownwardFile(file: DownwardFile, path: string): Causes {
  const { fieldRef, resourceFieldRef } = file;
  return all(
    file.path ? NONE : [field.required(field.child(path, "path"))],
    validateLocalPath(file.path, field.child(path, "path")),
    fieldRef === undefined
      ? resourceFieldRef === undefined
        ? [field.required(path, "one of fieldRef and resourceFieldRef is required")]
        : validateResourceFieldRef(resourceFieldRef, field.child(path, "resourceFieldRef"), true)
      : validateFieldRef(fieldRef, VOLUME_FIELD_PATHS, field.child(path, "fieldRef")),
    fieldRef !== undefined && resourceFieldRef !== undefined
      ? [field.invalid(path, "resource", "fieldRef and resourceFieldRef can not be specified simultaneously")]
      : NONE,
    validateMode(file.mode, field.child(path, "mode")),
  );
}
