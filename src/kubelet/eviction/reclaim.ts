/** What the node itself can throw away before a pod has to go. Pure. @module */
import type { FsLayout, Signal } from "./thresholds.ts";

export type Reclaim = "containers" | "images";

/** In this order. */
export function reclaimsOf(
  signal: Signal,
  { dedicatedImageFs, splitContainerFs }: FsLayout,
): readonly Reclaim[] {
  const [fs = ""] = signal.split(".");
  if (!["nodefs", "imagefs", "containerfs"].includes(fs)) return [];
  if (!dedicatedImageFs) return ["containers", "images"];
  if (splitContainerFs) return fs === "imagefs" ? ["images"] : ["containers"];
  return fs === "nodefs" ? [] : ["containers", "images"];
}
