/** Labels and annotations by which kubelet finds its pods in the runtime again after a restart; upstream's keys. @module */
import { createHash } from "node:crypto";
import type { Container, Pod } from "#api/core/v1/types.gen";

export const POD_NAME_LABEL = "io.kubernetes.pod.name";
export const POD_NAMESPACE_LABEL = "io.kubernetes.pod.namespace";
export const POD_UID_LABEL = "io.kubernetes.pod.uid";
export const CONTAINER_NAME_LABEL = "io.kubernetes.container.name";

export const CONTAINER_HASH = "io.kubernetes.container.hash";
export const RESTART_COUNT = "io.kubernetes.container.restartCount";
export const TERMINATION_MESSAGE_PATH = "io.kubernetes.container.terminationMessagePath";
export const TERMINATION_MESSAGE_POLICY = "io.kubernetes.container.terminationMessagePolicy";
const POD_DELETION_GRACE_PERIOD = "io.kubernetes.pod.deletionGracePeriod";
const POD_TERMINATION_GRACE_PERIOD = "io.kubernetes.pod.terminationGracePeriod";
const PRE_STOP_HANDLER = "io.kubernetes.container.preStopHandler";
const CONTAINER_PORTS = "io.kubernetes.container.ports";

type StringMap = Readonly<Record<string, string>>;

export function podLabels(pod: Pod): StringMap {
  return { ...pod.metadata.labels, ...identityLabels(pod) };
}

export function containerLabels(container: Container, pod: Pod): StringMap {
  return { ...identityLabels(pod), [CONTAINER_NAME_LABEL]: container.name };
}

export function containerAnnotations(container: Container, pod: Pod, restartCount: number): StringMap {
  const { deletionGracePeriodSeconds } = pod.metadata;
  const { terminationGracePeriodSeconds } = pod.spec ?? {};
  const { preStop } = container.lifecycle ?? {};
  return {
    [CONTAINER_HASH]: hashContainer(container),
    [RESTART_COUNT]: String(restartCount),
    [TERMINATION_MESSAGE_PATH]: container.terminationMessagePath ?? "/dev/termination-log",
    [TERMINATION_MESSAGE_POLICY]: container.terminationMessagePolicy ?? "File",
    ...(deletionGracePeriodSeconds !== undefined && {
      [POD_DELETION_GRACE_PERIOD]: String(deletionGracePeriodSeconds),
    }),
    ...(terminationGracePeriodSeconds !== undefined && {
      [POD_TERMINATION_GRACE_PERIOD]: String(terminationGracePeriodSeconds),
    }),
    ...(preStop !== undefined && { [PRE_STOP_HANDLER]: JSON.stringify(preStop) }),
    ...(container.ports !== undefined && { [CONTAINER_PORTS]: JSON.stringify(container.ports) }),
  };
}

/** Changes when a running container must be replaced: as upstream, by name and image alone. */
export function hashContainer({ name, image }: Pick<Container, "name" | "image">): string {
  return createHash("sha256").update(JSON.stringify({ name, image })).digest("hex").slice(0, 8);
}

function identityLabels(pod: Pod): StringMap {
  return {
    [POD_NAME_LABEL]: pod.metadata.name,
    [POD_NAMESPACE_LABEL]: pod.metadata.namespace ?? "",
    [POD_UID_LABEL]: pod.metadata.uid ?? "",
  };
}
