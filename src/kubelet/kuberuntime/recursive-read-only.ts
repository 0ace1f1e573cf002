/** Whether a mount is read-only with everything mounted below it. Pure. @module */
import type { VolumeMount } from "#api/core/v1/types.gen";
import { ConfigError } from "../env/make-environment.ts";

/** Throws `ConfigError` with upstream's words when what is asked for cannot be had. */
export function resolveRecursiveReadOnly(
  { name, recursiveReadOnly: mode = "Disabled", mountPropagation = "None", readOnly = false }: VolumeMount,
  isSupported: boolean,
): boolean {
  if (mode === "Disabled") return false;
  const asked = `volume ${JSON.stringify(name)} requested recursive read-only mode`;
  if (mountPropagation !== "None")
    throw new ConfigError(
      `${asked}, but it is not compatible with propagation ${JSON.stringify(mountPropagation)}`,
    );
  if (!readOnly) throw new ConfigError(`${asked}, but it is not read-only`);
  if (mode === "IfPossible") return isSupported;
  if (mode !== "Enabled") throw new ConfigError(`unknown recursive read-only mode ${JSON.stringify(mode)}`);
  if (!isSupported) throw new ConfigError(`${asked}, but it is not supported by the runtime`);
  return true;
}
