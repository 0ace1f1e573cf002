/** Metrics of publishers: how many syncs there were and how long they took, by the code they ended with. @module */
import { StatusError } from "#apimachinery";
import type { ControllerContext } from "#controller-runtime";

const OK = 200;
const INTERNAL_ERROR = 500;

/** Reports `PREFIX_sync_total` and `PREFIX_sync_duration_seconds`; throws what `work` throws. */
export async function measuredSync(
  { clock, metrics }: Pick<ControllerContext, "clock" | "metrics">,
  prefix: string,
  work: () => Promise<void>,
): Promise<void> {
  const startMs = clock.monotonicMs();
  const report = (code: number): void => {
    const labels = { code: String(code) };
    metrics?.inc(`${prefix}_sync_total`, labels);
    const seconds = (clock.monotonicMs() - startMs) / 1_000;
    metrics?.observe(`${prefix}_sync_duration_seconds`, labels, seconds);
  };
  try {
    await work();
    report(OK);
  } catch (err) {
    report(err instanceof StatusError ? err.code : INTERNAL_ERROR);
    throw err;
  }
}
