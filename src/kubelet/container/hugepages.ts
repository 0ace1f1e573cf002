/** Huge pages: their sizes as the API, the kernel and cgroups name them, and how much of each may be used. Pure. @module */
import { parseQuantity, quantityValue } from "#apimachinery";

type ResourceList = Readonly<Record<string, string>>;

const PREFIX = "hugepages-";
const UNITS = ["B", "KB", "MB", "GB", "TB", "PB"] as const;
const KIBI = 1024;

export function isHugepages(resource: string): boolean {
  return resource.startsWith(PREFIX);
}

/** `hugepages-2Mi` -> 2 MiB. */
function pageBytes(resource: string): number {
  return quantityValue(parseQuantity(resource.slice(PREFIX.length)));
}

/** The name of a size in the files of a cgroup: 2 MiB -> `2MB`. */
export function cgroupPageSize(bytes: number): string {
  let [size, unit] = [bytes, 0];
  while (size >= KIBI && unit < UNITS.length - 1) [size, unit] = [size / KIBI, unit + 1];
  return `${size}${UNITS[unit]}`;
}

/** The name of a size in the API, of what the kernel counts in kB: 2048 -> `2Mi`. */
export function apiPageSize(kilobytes: number): string {
  return cgroupPageSize(kilobytes * KIBI).replace(/B$/u, "i");
}

/** Bytes by the cgroup's name of the size. Sizes of the machine that nothing is asked of are bounded to nothing. */
export function hugepageLimits(
  amounts: Readonly<Record<string, number>>,
  machineSizes: readonly string[],
): Readonly<Record<string, number>> {
  const limits = Object.fromEntries(
    machineSizes.map((size) => [cgroupPageSize(pageBytes(`${PREFIX}${size}`)), 0]),
  );
  for (const [resource, bytes] of Object.entries(amounts)) {
    if (isHugepages(resource)) limits[cgroupPageSize(pageBytes(resource))] = bytes;
  }
  return limits;
}

/** The huge pages of a list in bytes. */
export function hugepagesIn(list: ResourceList | undefined): Readonly<Record<string, number>> {
  const pages = Object.entries(list ?? {}).filter(([name]) => isHugepages(name));
  return Object.fromEntries(pages.map(([name, text]) => [name, quantityValue(parseQuantity(text))]));
}
