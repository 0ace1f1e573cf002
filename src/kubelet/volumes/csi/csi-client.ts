/** The node service of one CSI driver, typed. Failures are `RuntimeError`s. @module */
import type { Clock } from "#apimachinery";
import { connect, type Connection, RuntimeError } from "#cri";
import { csi } from "./csi-tables.ts";

export type StringMap = Readonly<Record<string, string>>;

export type NodeCapability =
  | "STAGE_UNSTAGE_VOLUME"
  | "GET_VOLUME_STATS"
  | "EXPAND_VOLUME"
  | "VOLUME_CONDITION"
  | "SINGLE_NODE_MULTI_WRITER"
  | "VOLUME_MOUNT_GROUP";

export interface VolumeCapability {
  readonly block?: Readonly<Record<string, never>>;
  readonly mount?: {
    readonly fsType: string;
    readonly mountFlags: readonly string[];
    readonly volumeMountGroup: string;
  };
  readonly accessMode: { readonly mode: string };
}

export interface NodeInfo {
  readonly nodeId: string;
  /** 0: no limit. */
  readonly maxVolumesPerNode: number;
  readonly accessibleTopology?: { readonly segments: StringMap };
}

export interface StageRequest {
  readonly volumeId: string;
  readonly publishContext: StringMap;
  readonly stagingTargetPath: string;
  readonly volumeCapability: VolumeCapability;
  readonly secrets: StringMap;
  readonly volumeContext: StringMap;
}

export interface PublishRequest extends StageRequest {
  readonly targetPath: string;
  readonly readonly: boolean;
}

export interface ExpandRequest {
  readonly volumeId: string;
  readonly volumePath: string;
  readonly capacityRange: { readonly requiredBytes: number };
  readonly stagingTargetPath: string;
  readonly volumeCapability: VolumeCapability;
  readonly secrets: StringMap;
}

export interface CsiVolumeStats {
  readonly usage: readonly {
    readonly available: number;
    readonly total: number;
    readonly used: number;
    readonly unit: string;
  }[];
  readonly volumeCondition?: { readonly abnormal: boolean; readonly message: string };
}

export interface CsiNodeClient {
  info(signal: AbortSignal): Promise<NodeInfo>;
  /** Asked once. */
  capabilities(signal: AbortSignal): Promise<ReadonlySet<NodeCapability>>;
  stage(request: StageRequest, signal: AbortSignal): Promise<void>;
  unstage(volumeId: string, stagingTargetPath: string, signal: AbortSignal): Promise<void>;
  publish(request: PublishRequest, signal: AbortSignal): Promise<void>;
  unpublish(volumeId: string, targetPath: string, signal: AbortSignal): Promise<void>;
  expand(request: ExpandRequest, signal: AbortSignal): Promise<void>;
  stats(volumeId: string, volumePath: string, signal: AbortSignal): Promise<CsiVolumeStats>;
  close(): void;
}

/** Of every call; upstream's csiTimeout. */
const CALL_TIMEOUT_MS = 120_000;

export type OnCsiCall = (method: string, code: string, durationMs: number) => void;

/** Connects when first used. `onCall` is told of every call that has ended. */
export function csiNodeClient(
  socketPath: string,
  driver: string,
  clock: Clock,
  onCall: OnCsiCall,
): CsiNodeClient {
  const connection = connect(socketPath, clock, `the CSI driver ${driver}`);
  const call = caller(connection, clock, onCall);
  let capabilities: ReadonlySet<NodeCapability> | undefined;
  return {
    info: async (signal) => (await call("NodeGetInfo", {}, signal)) as NodeInfo,
    async capabilities(signal) {
      if (capabilities !== undefined) return capabilities;
      const answer = await call("NodeGetCapabilities", {}, signal);
      const list = (answer as { capabilities: readonly { rpc?: { type: NodeCapability } }[] }).capabilities;
      return (capabilities = new Set(list.flatMap(({ rpc }) => rpc?.type ?? [])));
    },
    async stage(request, signal) {
      await call("NodeStageVolume", request, signal);
    },
    async unstage(volumeId, stagingTargetPath, signal) {
      await call("NodeUnstageVolume", { volumeId, stagingTargetPath }, signal);
    },
    async publish(request, signal) {
      await call("NodePublishVolume", request, signal);
    },
    async unpublish(volumeId, targetPath, signal) {
      await call("NodeUnpublishVolume", { volumeId, targetPath }, signal);
    },
    async expand(request, signal) {
      await call("NodeExpandVolume", request, signal);
    },
    stats: async (volumeId, volumePath, signal) =>
      (await call("NodeGetVolumeStats", { volumeId, volumePath }, signal)) as CsiVolumeStats,
    close: () => connection.close(),
  };
}

type Call = (method: string, request: object, signal: AbortSignal) => Promise<object>;

function caller(connection: Connection, clock: Clock, onCall: OnCsiCall): Call {
  return async (name, request, signal) => {
    const method = csi.method("Node", name);
    const startMs = clock.monotonicMs();
    let code = "OK";
    try {
      return await connection.unary(method, request, { signal, deadlineMs: CALL_TIMEOUT_MS });
    } catch (err) {
      code = err instanceof RuntimeError ? err.code : "Canceled";
      throw err;
    } finally {
      onCall(method.path, code, clock.monotonicMs() - startMs);
    }
  };
}
