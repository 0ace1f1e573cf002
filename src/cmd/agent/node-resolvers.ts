/** The resolvers of the node, of which cluster DNS asks what is not of the cluster; what changes in their file is heard of. @module */
import { readFile } from "node:fs/promises";
import type { Clock, Logger } from "#apimachinery";
import { LiveValue, type Live, type TaskGroup } from "#component-base";
import { upstreamsOf } from "#dns";
import { followFiles } from "../live-files.ts";

/** Without a path, or with an empty one, there are none. A file that cannot be read yet says nothing, and is read again. */
export async function nodeResolvers(
  path: string | undefined,
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
  tasks: TaskGroup,
): Promise<Live<readonly string[]>> {
  const live = new LiveValue<readonly string[]>([]);
  if (path === undefined || path === "") return live;
  const read = async (): Promise<readonly string[]> => upstreamsOf(await readFile(path, "utf8"));
  const follow = { read, what: "The node's resolvers", clock, logger };
  live.set(await read().catch(() => [])); // `followFiles` reads at once, and tells why not
  tasks.start("resolvers", (stop) => followFiles(live, follow, stop));
  return live;
}
