/** Makes a mounted volume as large as its PersistentVolume says, and tells its claim. @module */
import { formatTime, parseQuantity, quantityValue } from "#apimachinery";
import { PersistentVolumeClaims } from "#api/core/v1/persistentvolumeclaim";
import type { PersistentVolumeClaim, Pod } from "#api/core/v1/types.gen";
import { RuntimeError } from "#cri";
import { describeError } from "../../container/describe-error.ts";
import type { VolumeSpec } from "../volume-spec.ts";
import type { CsiNodeClient } from "./csi-client.ts";
import { stagePaths } from "./csi-devices.ts";
import { csiBlockPaths } from "./csi-paths.ts";
import { type CsiTools, driverOf, isFinalError, secretData } from "./csi-tools.ts";
import { csiCapability, type CsiVolume } from "./csi-volume.ts";
import { type Expansion, failedStatus, finishedStatus } from "./expansion-plan.ts";

export interface ExpandInput {
  readonly pod: Pod;
  readonly spec: VolumeSpec;
  readonly volume: CsiVolume;
  /** Where the pod has it. */
  readonly path: string;
  readonly expansion: Expansion;
}

const INFEASIBLE: readonly string[] = ["InvalidArgument", "OutOfRange", "NotFound"];

/** Resolves to whether the volume has its new size, or needs none here. Throws when the driver fails. */
export async function expandVolume(
  tools: CsiTools,
  input: ExpandInput,
  signal: AbortSignal,
): Promise<boolean> {
  const { pod, spec, volume, expansion } = input;
  const { recorder, nodeName } = tools;
  let claim = spec.claim!;
  if (expansion.isRecoverable && !expansion.isClaimDone)
    claim = await patchStatus(
      tools,
      claim,
      { allocatedResourceStatuses: { storage: "NodeResizeInProgress" } },
      signal,
    );
  const node = driverOf(tools, volume.driver, "Expander.NodeExpand failed to get CSI client");
  const capabilities = await node.capabilities(signal);
  if (!capabilities.has("EXPAND_VOLUME")) {
    const problem = `NodeExpand is not supported by the CSI driver ${volume.driver}`;
    if (!expansion.isRecoverable || expansion.isClaimDone) return true;
    await patchStatus(tools, claim, failedStatus(claim, problem, false, now(tools)), signal);
    throw new Error(problem);
  }
  try {
    await callExpand(tools, node, input, signal);
  } catch (err) {
    signal.throwIfAborted();
    return await failed(tools, claim, expansion, err, signal);
  }
  const message = `MountVolume.NodeExpandVolume succeeded for volume ${JSON.stringify(spec.name)} ${nodeName}`;
  recorder.event(pod, "Normal", "FileSystemResizeSuccessful", message);
  recorder.event(claim, "Normal", "FileSystemResizeSuccessful", message);
  if (!expansion.isClaimDone)
    await patchStatus(tools, claim, finishedStatus(claim, expansion.newSize), signal);
  return true;
}

async function callExpand(
  tools: CsiTools,
  node: CsiNodeClient,
  { pod, volume, path, expansion }: ExpandInput,
  signal: AbortSignal,
): Promise<void> {
  const { rootDir } = tools;
  const { driver, handle, specName, isBlock } = volume;
  const capabilities = await node.capabilities(signal);
  const secrets = await secretData(tools, volume.expandSecret, "NodeExpandSecretRef", signal);
  const staging = isBlock
    ? csiBlockPaths(rootDir, specName, pod.metadata.uid ?? "").staging
    : stagePaths(rootDir, driver, handle).mount;
  const requiredBytes = quantityValue(parseQuantity(expansion.newSize));
  const request = {
    volumeId: handle,
    volumePath: path,
    capacityRange: { requiredBytes },
    stagingTargetPath: capabilities.has("STAGE_UNSTAGE_VOLUME") ? staging : "",
    volumeCapability: csiCapability(volume, capabilities, undefined),
    secrets,
  };
  await node.expand(request, signal);
}

async function failed(
  tools: CsiTools,
  claim: PersistentVolumeClaim,
  { isRecoverable }: Expansion,
  err: unknown,
  signal: AbortSignal,
): Promise<boolean> {
  const code = err instanceof RuntimeError ? err.code : "Unknown";
  const isInfeasible = INFEASIBLE.includes(code);
  const lead = isInfeasible ? "" : ": ";
  const problem = `Expander.NodeExpand failed to expand the volume ${lead}${describeError(err)}`;
  if (isRecoverable && isFinalError(err)) {
    const status = failedStatus(claim, problem, isInfeasible, now(tools));
    await patchStatus(tools, claim, status, signal);
  }
  // The driver cannot do it while the volume is in use: the pod gets it as it is.
  if (code === "FailedPrecondition") return false;
  throw new Error(problem, { cause: err });
}

const now = ({ clock }: CsiTools): string => formatTime(clock.now());

/** Fails when somebody else has changed the claim. */
function patchStatus(
  { client }: CsiTools,
  { metadata }: PersistentVolumeClaim,
  status: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
): Promise<PersistentVolumeClaim> {
  const { resourceVersion } = metadata;
  const body = { metadata: { resourceVersion }, status };
  const patch = { type: "merge", body } as const;
  return client.patch(PersistentVolumeClaims, metadata, patch, signal, { subresource: "status" });
}
