/** Gives a volume to the pod's fsGroup, and says so when that takes long. @module */
import type { Clock } from "#apimachinery";
import type { EventRecorder } from "#client";
import type { Pod } from "#api/core/v1/types.gen";
import { specOf, uidOf } from "../container/pod-spec.ts";
import type { VolumeHost } from "../platform/platform.ts";

export interface ChangeGroupTools {
  readonly host: VolumeHost;
  readonly clock: Clock;
  readonly recorder: EventRecorder;
}

const FIRST_REPORT_MS = 30_000;
const REPORT_MS = 60_000;
const ADVICE =
  "consider using OnRootMismatch - https://kubernetes.io/docs/tasks/configure-pod-container/security-context/#configure-volume-permission-and-ownership-change-policy-for-pods";

/** No effect without an fsGroup. The pod says what to do with a volume that fits already. */
export async function changeGroup(
  { host, clock, recorder }: ChangeGroupTools,
  pod: Pod,
  path: string,
  readOnly: boolean,
): Promise<void> {
  const { fsGroup, fsGroupChangePolicy } = specOf(pod).securityContext ?? {};
  if (fsGroup === undefined) return;
  const uidAt = path.indexOf(uidOf(pod));
  const shown = uidAt < 0 ? path : path.slice(uidAt);
  let files = 0;
  const say = (text: string): void =>
    recorder.event(
      pod,
      "Warning",
      "VolumePermissionChangeInProgress",
      `Setting volume ownership for ${shown}${text}`,
    );
  const again = (): void => {
    say(`, processed ${files} files.`);
    timer = clock.after(REPORT_MS, again);
  };
  let timer = clock.after(FIRST_REPORT_MS, () => {
    say(` is taking longer than expected, ${ADVICE}`);
    timer = clock.after(REPORT_MS, again);
  });
  try {
    const onRootMismatch = fsGroupChangePolicy === "OnRootMismatch";
    await host.setGroup(path, fsGroup, { readOnly, onRootMismatch, onFile: () => files++ });
  } finally {
    timer.cancel();
  }
}
