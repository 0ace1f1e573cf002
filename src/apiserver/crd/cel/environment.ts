/** The functions that rules may use: those of CEL, and Kubernetes' libraries. @module */
import { Environment } from "@marcbachmann/cel-js";
import { registerAddresses } from "./library-addresses.ts";
import { registerLists } from "./library-lists.ts";
import { registerQuantities } from "./library-quantities.ts";
import { registerStrings } from "./library-strings.ts";
import { registerUrls } from "./library-urls.ts";
import { registerVersions } from "./library-versions.ts";

let base: Environment | undefined;

/** A new environment with everything but variables. */
export function newEnvironment(): Environment {
  if (base === undefined) {
    const made = new Environment({ enableOptionalTypes: true, homogeneousAggregateLiterals: false });
    for (const register of [
      registerStrings,
      registerLists,
      registerQuantities,
      registerUrls,
      registerAddresses,
      registerVersions,
    ]) {
      register(made);
    }
    base = made;
  }
  return base.clone();
}
