/** NFS volumes, mounted by the system's own helper. @module */
import type { NFSVolumeSource } from "#api/core/v1/types.gen";
import type { VolumeHost } from "../platform/platform.ts";

export interface NfsMount {
  readonly source: NFSVolumeSource;
  readonly readOnly: boolean;
  readonly mountOptions: readonly string[];
}

/** No effect if it is mounted already. */
export async function setUpNfs(
  host: VolumeHost,
  { source, readOnly, mountOptions }: NfsMount,
  path: string,
): Promise<void> {
  if (await host.isMounted(path)) return;
  await host.makeDir(path, 0o750);
  const server = source.server.includes(":") ? `[${source.server}]` : source.server;
  const options = [...new Set([...mountOptions, ...(readOnly ? ["ro"] : [])])].toSorted();
  try {
    await host.mount({ source: `${server}:${source.path}`, path, type: "nfs", options });
  } catch (err) {
    await host.remove(path);
    throw err;
  }
}
