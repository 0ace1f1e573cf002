/** Whether the container runtime gives containers their CDI devices itself. @module */
import type { RuntimeService, StatusResponse, VersionResponse } from "#cri";

/** Asks each time: the runtime may have been replaced by a newer one. */
export async function runtimeAppliesCdi(
  runtime: Pick<RuntimeService, "version" | "status">,
  signal: AbortSignal,
): Promise<boolean> {
  const version = await runtime.version(signal);
  if (!isContainerd(version)) return true;
  if (!isAtLeast(version, 1, 7)) return false;
  const { info } = await runtime.status({ verbose: true }, signal);
  return isEnabled(info) ?? isAtLeast(version, 2, 0);
}

/** What containerd says of its configuration; undefined: nothing. */
function isEnabled(info: StatusResponse["info"]): boolean | undefined {
  const text = info["config"];
  if (text === undefined) return undefined;
  const { enableCDI } = JSON.parse(text) as { readonly enableCDI?: unknown };
  return typeof enableCDI === "boolean" ? enableCDI : undefined;
}

function isContainerd({ runtimeName }: VersionResponse): boolean {
  return runtimeName === "containerd";
}

function isAtLeast({ runtimeVersion }: VersionResponse, major: number, minor: number): boolean {
  const [, x = "0", y = "0"] = /^v?(\d+)\.(\d+)/u.exec(runtimeVersion) ?? [];
  return Number(x) > major || (Number(x) === major && Number(y) >= minor);
}
