/** What all steps of a CSI volume need, and what they look up in the API. @module */
import { type Clock, formatTime, isNotFound, type Logger } from "#apimachinery";
import type { Client, EventRecorder } from "#client";
import { RuntimeError } from "#cri";
import { Secrets } from "#api/core/v1/secret";
import type { Pod, SecretReference } from "#api/core/v1/types.gen";
import type { CSIDriver } from "#api/storage/v1/types.gen";
import { VolumeAttachments } from "#api/storage/v1/volumeattachment";
import type { VolumeHost } from "../../platform/platform.ts";
import type { TokenManager } from "../token-manager.ts";
import type { CsiNodeClient, StringMap } from "./csi-client.ts";
import type { CsiDevices } from "./csi-devices.ts";
import type { CsiDriverObjects } from "./csi-driver-objects.ts";
import { attachmentName } from "./csi-paths.ts";
import { type CsiVolume, csiError } from "./csi-volume.ts";

export interface CsiTools {
  readonly client: Pick<Client, "get" | "patch">;
  readonly host: VolumeHost;
  readonly rootDir: string;
  readonly nodeName: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly recorder: EventRecorder;
  readonly drivers: { readonly node: (driver: string) => CsiNodeClient };
  readonly objects: Pick<CsiDriverObjects, "get">;
  readonly tokens: Pick<TokenManager, "entry">;
  readonly devices: CsiDevices;
}

/** `step` is upstream's name of the caller, as in `attacher.MountDevice failed to create newCsiDriverClient`. */
export function driverOf({ drivers }: CsiTools, driver: string, step: string): CsiNodeClient {
  try {
    return drivers.node(driver);
  } catch (err) {
    throw csiError(`${step}: ${(err as Error).message}`, err);
  }
}

/** What the attacher has told of the volume. */
export async function publishContext(
  { client, nodeName }: CsiTools,
  { driver, handle, lifecycle }: CsiVolume,
  object: CSIDriver | undefined,
  signal: AbortSignal,
): Promise<StringMap> {
  if (lifecycle === "Ephemeral" || object?.spec.attachRequired === false) return {};
  const name = attachmentName(driver, handle, nodeName);
  const attachment = await client.get(VolumeAttachments, { name }, signal);
  return attachment.status?.attachmentMetadata ?? {};
}

/** `what` is the field that names it. */
export async function secretData(
  { client }: CsiTools,
  ref: SecretReference | undefined,
  what: string,
  signal: AbortSignal,
): Promise<StringMap> {
  if (ref === undefined) return {};
  const { namespace = "", name = "" } = ref;
  try {
    const { data = {} } = await client.get(Secrets, { namespace, name }, signal);
    const entries = Object.entries(data);
    return Object.fromEntries(entries.map(([key, value]) => [key, Buffer.from(value, "base64").toString()]));
  } catch (err) {
    signal.throwIfAborted();
    const why = isNotFound(err) ? `secrets "${name}" not found` : (err as Error).message;
    throw new Error(`fetching ${what} ${namespace}/${name} failed: ${why}`, { cause: err });
  }
}

/** The tokens that the driver's object asks for, as one attribute. */
export async function tokenAttributes(
  { tokens }: CsiTools,
  pod: Pod,
  object: CSIDriver | undefined,
  signal: AbortSignal,
): Promise<StringMap> {
  const requests = object?.spec.tokenRequests ?? [];
  if (requests.length === 0) return {};
  const outputs: Record<string, unknown> = {};
  for (const { audience = "", expirationSeconds } of requests) {
    const source = { audience, ...(expirationSeconds !== undefined && { expirationSeconds }) };
    const { token, expiresAtMs } = await tokens.entry(pod, source, signal);
    outputs[audience] = { token, expirationTimestamp: formatTime(expiresAtMs) };
  }
  return { "csi.storage.k8s.io/serviceAccount.tokens": JSON.stringify(outputs) };
}

/** The driver has said no, and does not go on in the background. */
export function isFinalError(err: unknown): boolean {
  if (!(err instanceof RuntimeError)) return false;
  const pending = ["Canceled", "DeadlineExceeded", "Unavailable", "ResourceExhausted", "Aborted"];
  return !pending.includes(err.code);
}
