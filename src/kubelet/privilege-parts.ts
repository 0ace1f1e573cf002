/** Puts together what bounds pods' privileges and follows the machine's shutdown. @module */
import { join } from "node:path";
import type { EventRecorder } from "#client";
import type { Node, Pod } from "#api/core/v1/types.gen";
import { memoryState, stateFile } from "./checkpoint/state-file.ts";
import { admitPrivileges } from "./lifecycle/admit-privileges.ts";
import { rejected, type Rejection } from "./lifecycle/admit.ts";
import type { NodeStatusManager } from "./node-status/node-status-manager.ts";
import { logindInhibitor } from "./nodeshutdown/logind.ts";
import { shutdownPeriods } from "./nodeshutdown/plan.ts";
import { ShutdownManager } from "./nodeshutdown/shutdown-manager.ts";
import type { KubeletOptions } from "./options.ts";
import { sysctlAllowlist } from "./sysctl/allowlist.ts";
import type { KubeletMetrics } from "./metrics/kubelet-metrics.ts";
import { isAppArmorEnabled } from "./platform/apparmor.ts";
import type { PodWorkers } from "./pod-workers/pod-workers.ts";
import { defaultIdSpace, IdRanges, type IdSpace, USERNS_UNIT } from "./userns/id-ranges.ts";
import { kubeletIdSpace } from "./userns/kubelet-ids.ts";
import { UsernsManager } from "./userns/userns-manager.ts";

/** What the machine says of itself. */
export interface PrivilegeInputs {
  readonly idSpace: IdSpace;
  readonly appArmor: boolean;
}

export interface PrivilegeParts {
  readonly userns: UsernsManager;
  readonly shutdown: ShutdownManager;
  readonly admit: (pod: Pod) => Rejection | undefined;
}

export interface PrivilegePartsOptions {
  readonly options: KubeletOptions;
  readonly inputs: PrivilegeInputs;
  readonly metrics: KubeletMetrics;
  readonly maxPods: number;
  readonly recorder: EventRecorder;
  readonly node: () => Node | undefined;
  readonly nodeStatus: () => NodeStatusManager;
  readonly workers: () => PodWorkers;
}

/** A node that only pretends enforces whatever it is asked for. */
export async function privilegeInputs(
  { platform, userNamespacesIdsPerPod }: KubeletOptions,
  signal: AbortSignal,
): Promise<PrivilegeInputs> {
  const idsPerPod = userNamespacesIdsPerPod ?? USERNS_UNIT;
  if (platform.name === "simulated") return { idSpace: defaultIdSpace(idsPerPod), appArmor: true };
  const [idSpace, appArmor] = await Promise.all([kubeletIdSpace(idsPerPod, signal), isAppArmorEnabled()]);
  return { idSpace, appArmor };
}

export function newPrivilegeParts(input: PrivilegePartsOptions): PrivilegeParts {
  const { options, inputs, metrics, maxPods, recorder, node, nodeStatus, workers } = input;
  const { platform, rootDir, clock, logger } = options;
  const idsPerPod = options.userNamespacesIdsPerPod ?? USERNS_UNIT;
  const isSimulated = platform.name === "simulated";
  const allowlist = sysctlAllowlist(options.allowedUnsafeSysctls);
  const shutdown = new ShutdownManager({
    periods: shutdownPeriods(options.shutdown ?? {}),
    inhibitor: logindInhibitor(),
    clock,
    logger,
    recorder,
    state: isSimulated ? memoryState() : stateFile(join(rootDir, "graceful_node_shutdown_state")),
    node,
    activePods: () => workers().activePods(),
    terminate: (uid, kill) => workers().terminate(uid, kill),
    isGone: (uid) => workers().isFinished(uid),
    onChange: () => nodeStatus().checkSoon(),
    onShutdown: ({ startMs, endMs }) => {
      if (startMs !== undefined) metrics.shutdownStart.set(startMs / 1000);
      if (endMs !== undefined) metrics.shutdownEnd.set(endMs / 1000);
    },
  });
  return {
    userns: new UsernsManager({
      host: platform.volumes,
      rootDir,
      ranges: new IdRanges({ ...inputs.idSpace, idsPerPod, maxPods }),
      handlerSupports: (handler) => isSimulated || nodeStatus().userNamespaces(handler),
    }),
    shutdown,
    admit(pod) {
      const { appArmor } = inputs;
      const supplementalGroupsPolicy = isSimulated || nodeStatus().supplementalGroupsPolicy;
      const forbidden = allowlist(pod);
      return (
        shutdown.admit() ??
        (forbidden === undefined ? undefined : rejected("SysctlForbidden", forbidden)) ??
        admitPrivileges(pod, { appArmor, supplementalGroupsPolicy })
      );
    },
  };
}
