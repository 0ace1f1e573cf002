/** emptyDir volumes: on disk, in memory, or in huge pages. @module */
import { type Quantity, compareQuantity, parseQuantity, quantityValue } from "#apimachinery";
import type { Pod, Volume } from "#api/core/v1/types.gen";
import { containersOf, initContainersOf, specOf } from "../container/pod-spec.ts";
import type { MountRequest, VolumeHost } from "../platform/platform.ts";

const MEMORY = "Memory";
const HUGE_PAGES = "HugePages";
const HUGE_PAGES_RESOURCE = "hugepages-";
/** Upstream's root of such volumes: every user of the pod may write. */
const MODE = 0o777;
const READY_MODE = 0o640;

export interface EmptyDirPaths {
  readonly path: string;
  /** The file that says that nothing is left to do. */
  readonly readyPath: string;
}

/**
 * Makes the volume, for the pod's fsGroup. What an earlier attempt left unfinished is done again; a volume that is ready
 * is left as the containers have it.
 */
export async function setUpEmptyDir(
  host: VolumeHost,
  pod: Pod,
  volume: Volume,
  { path, readyPath }: EmptyDirPaths,
  allocatableMemoryBytes: number,
): Promise<void> {
  const { medium = "", sizeLimit } = volume.emptyDir ?? {};
  // A folder without its mount is what a restart of the machine leaves.
  const isThere = medium === "" ? await host.exists(path) : await host.isMounted(path);
  if (isThere && (await host.exists(readyPath))) return;
  const request = mountRequest(pod, medium, path);
  await host.makeDir(path, MODE);
  await host.setMode(path, MODE);
  if (medium === MEMORY) await host.mountTmpfs(path, tmpfsBytes(pod, sizeLimit, allocatableMemoryBytes));
  else if (request !== undefined && !isThere) await host.mount(request);
  const gid = specOf(pod).securityContext?.fsGroup;
  if (gid !== undefined) await host.setGroup(path, gid);
  await host.writeFile(readyPath, "", READY_MODE);
}

/** Of huge pages; throws for a medium that there is not. */
function mountRequest(pod: Pod, medium: string, path: string): MountRequest | undefined {
  if (medium === "" || medium === MEMORY) return undefined;
  if (medium !== HUGE_PAGES && !medium.startsWith(`${HUGE_PAGES}-`))
    throw new Error(`unknown storage medium ${JSON.stringify(medium)}`);
  const options = [`pagesize=${hugePageSize(medium, pod)}`];
  return { source: "nodev", path, type: "hugetlbfs", options };
}

/** Never more than the pod, or the node, has for it. */
export function tmpfsBytes(pod: Pod, sizeLimit: string | undefined, allocatableBytes: number): number {
  const limits = [allocatableBytes];
  const podLimit = specOf(pod).resources?.limits?.["memory"];
  const containers = containersOf(pod).map(({ resources }) => resources?.limits?.["memory"]);
  if (podLimit !== undefined) limits.push(bytesOf(podLimit));
  else if (containers.every((limit) => limit !== undefined))
    limits.push(containers.reduce((sum, limit) => sum + bytesOf(limit), 0));
  if (sizeLimit !== undefined) limits.push(bytesOf(sizeLimit));
  return Math.min(...limits.filter((limit) => limit > 0));
}

const bytesOf = (quantity: string): number => quantityValue(parseQuantity(quantity));

/** The size that the pod's containers ask for; throws with upstream's words when they do not agree. */
export function hugePageSize(medium: string, pod: Pod): string {
  const requests = [
    specOf(pod).resources?.requests,
    ...[...containersOf(pod), ...initContainersOf(pod)].map(({ resources }) => resources?.requests),
  ];
  const sizes = requests.flatMap((list) =>
    Object.keys(list ?? {}).flatMap((name) =>
      name.startsWith(HUGE_PAGES_RESOURCE) ? name.slice(HUGE_PAGES_RESOURCE.length) : [],
    ),
  );
  const wanted = medium === HUGE_PAGES ? undefined : medium.slice(HUGE_PAGES.length + 1);
  const isSame = (a: string, b: string): boolean => compareQuantity(sizeOf(a), sizeOf(b)) === 0;
  const found = wanted === undefined ? sizes[0] : sizes.find((size) => isSame(size, wanted));
  if (wanted === undefined && sizes.some((size) => !isSame(size, found!)))
    throw new Error(`medium: ${medium} can't be used if container requests multiple huge page sizes`);
  if (found === undefined)
    throw new Error(
      `medium ${medium}: hugePages storage requested, but there is no resource request for huge pages`,
    );
  return String(quantityValue(sizeOf(found)));
}

const sizeOf = (text: string): Quantity => parseQuantity(text);
