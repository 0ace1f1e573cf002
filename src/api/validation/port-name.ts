/** Names of the ports of Services and Endpoints. @module */
import { field, isDns1123Label } from "#apimachinery";
import { NONE, obeys, type Causes } from "./common.ts";

/** Ports need names as soon as there are several. */
export function validatePortName(name: string, isNeeded: boolean, path: string): Causes {
  if (name !== "") return obeys(isDns1123Label, name, path);
  return isNeeded ? [field.required(path)] : NONE;
}
