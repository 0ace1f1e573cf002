/** What CEL selectors see: `device.driver`, `device.attributes["domain"].name`, `device.capacity["domain"].name`. @module */
import {
  BOOL,
  CelIssues,
  compile,
  DYN,
  estimateCost,
  formatType,
  mapOf,
  newEnv,
  STRING,
  structOf,
  type CelEnv,
  type CelType,
  type Path,
  type Program,
} from "#apimachinery/cel";

/** Upstream's CELSelectorExpressionMaxCost. */
export const SELECTOR_COST_MAX = 1_000_000;

const DEVICE = "kubernetes.DRADevice";
const FIELDS: Readonly<Record<string, CelType>> = {
  driver: STRING,
  attributes: mapOf(STRING, mapOf(STRING, DYN)),
  capacity: mapOf(STRING, mapOf(STRING, structOf("kubernetes.Quantity"))),
  allowMultipleAllocations: BOOL,
};

const DOMAIN_BYTES_MAX = 63;
const IDENTIFIER_BYTES_MAX = 32;
const VALUE_BYTES_MAX = 64;
const ENTRIES_MAX = 32;

let env: CelEnv | undefined;

function environment(): CelEnv {
  const findStruct = (name: string) =>
    name === DEVICE ? { field: (field: string) => FIELDS[field] } : undefined;
  return (env ??= newEnv({ variables: { device: structOf(DEVICE) }, findStruct }));
}

/** The program of a selector, or why there is none. */
export function compileSelector(expression: string): Program | string {
  try {
    const program = compile(environment(), expression);
    const { kind } = program.type;
    if (kind === "bool" || kind === "dyn") return program;
    return `must evaluate to bool or the unknown type, not ${formatType(program.type)}`;
  } catch (err) {
    if (!(err instanceof CelIssues)) throw err;
    return `compilation failed: ${err.message}`;
  }
}

/** The worst case. */
export function selectorCostMax(program: Program): number {
  return estimateCost(program.expr, sizeOf).max;
}

function sizeOf(path: Path): { readonly min: number; readonly max: number } | undefined {
  const max = maxOf(path);
  return max === undefined ? undefined : { min: 0, max };
}

function maxOf([root, name, domain, id, ...more]: Path): number | undefined {
  if (root !== "device" || more.length > 0) return undefined;
  if (name === "driver") return domain === undefined ? DOMAIN_BYTES_MAX : undefined;
  if (name !== "attributes" && name !== "capacity") return undefined;
  if (domain === undefined) return ENTRIES_MAX;
  if (domain === "@keys") return DOMAIN_BYTES_MAX;
  if (id === undefined) return ENTRIES_MAX;
  if (id === "@keys") return IDENTIFIER_BYTES_MAX;
  return name === "attributes" ? VALUE_BYTES_MAX : 0;
}
