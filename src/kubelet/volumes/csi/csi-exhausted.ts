/** Whether a volume cannot be attached because the node takes no more of them: then its driver is asked anew. @module */
import { isNotFound, unless } from "#apimachinery";
import { VolumeAttachments } from "#api/storage/v1/volumeattachment";
import type { VolumeSpec } from "../volume-spec.ts";
import { updatePeriodMs } from "./csi-allocatable.ts";
import { attachmentName } from "./csi-paths.ts";
import type { CsiTools } from "./csi-tools.ts";

export interface ExhaustedTools extends Pick<CsiTools, "client" | "nodeName" | "logger" | "objects"> {
  /** Asks the driver, and tells the CSINode. */
  readonly refresh: (driver: string, signal: AbortSignal) => Promise<void>;
}

/** gRPC's number of ResourceExhausted. */
const RESOURCE_EXHAUSTED = 8;

/** Only drivers that keep their CSINode up to date say so; of the others pods wait. */
export async function isExhausted(
  { client, nodeName, logger, objects, refresh }: ExhaustedTools,
  { persistent }: VolumeSpec,
  signal: AbortSignal,
): Promise<boolean> {
  const source = persistent?.spec?.csi;
  if (source === undefined) return false;
  const { driver, volumeHandle } = source;
  if (updatePeriodMs(await objects.get(driver, signal)) === undefined) return false;
  const name = attachmentName(driver, volumeHandle, nodeName);
  const attachment = await unless(isNotFound, client.get(VolumeAttachments, { name }, signal));
  if (attachment?.status?.attachError?.errorCode !== RESOURCE_EXHAUSTED) return false;
  try {
    await refresh(driver, signal);
  } catch (err) {
    signal.throwIfAborted();
    logger.warn("Asking a driver how many volumes it takes failed", { driver, err });
  }
  return true;
}
