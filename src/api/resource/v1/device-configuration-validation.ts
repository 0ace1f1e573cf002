/** Rules for selectors of devices and for what is handed on to their drivers. @module */
import { byteLength, field } from "#apimachinery";
import { all, NONE, type Causes } from "../../validation/common.ts";
import { validateSlice } from "./bounded-lists.ts";
import { compileSelector, SELECTOR_COST_MAX, selectorCostMax } from "./device-environment.ts";
import { validateDriverName } from "./device-names.ts";
import type { CELDeviceSelector, DeviceSelector, OpaqueDeviceConfiguration } from "./types.gen.ts";

const SELECTORS_MAX = 32;
const EXPRESSION_BYTES_MAX = 10 * 1024;
const PARAMETERS_BYTES_MAX = 10 * 1024;

export function validateSelectors(selectors: readonly DeviceSelector[] | undefined, path: string): Causes {
  return validateSlice(
    selectors,
    SELECTORS_MAX,
    ({ cel }, at) => {
      const celPath = field.child(at, "cel");
      return cel === undefined ? [field.required(celPath)] : validateCel(cel, celPath);
    },
    path,
  );
}

function validateCel({ expression }: CELDeviceSelector, path: string): Causes {
  const at = field.child(path, "expression");
  if (byteLength(expression) > EXPRESSION_BYTES_MAX) return [field.tooLong(at, EXPRESSION_BYTES_MAX)];
  const program = compileSelector(expression);
  if (typeof program === "string") return [field.invalid(at, expression, program)];
  if (selectorCostMax(program) <= SELECTOR_COST_MAX) return NONE;
  return [field.forbidden(at, "too complex, exceeds cost limit")];
}

/** `isStored`: the parameters were accepted before, whatever their size. */
export function validateConfiguration(
  { opaque }: { readonly opaque?: OpaqueDeviceConfiguration },
  path: string,
  isStored = false,
): Causes {
  const at = field.child(path, "opaque");
  if (opaque === undefined) return [field.required(at)];
  return all(
    validateDriverName(opaque.driver, field.child(at, "driver")),
    validateRaw(
      opaque.parameters,
      field.child(at, "parameters"),
      isStored ? Number.POSITIVE_INFINITY : PARAMETERS_BYTES_MAX,
    ),
  );
}

/** Any JSON object. */
export function validateRaw(value: unknown, path: string, bytesMax: number): Causes {
  if (value === undefined || value === null) return [field.required(path)];
  if (byteLength(JSON.stringify(value)) > bytesMax) return [field.tooLong(path, bytesMax)];
  if (typeof value === "object" && !Array.isArray(value)) return NONE;
  return [field.invalid(path, "<value omitted>", "must be a valid JSON object")];
}
