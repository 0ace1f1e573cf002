/** How the scheduler signs what it tells of pods: a profile goes by its own name, as upstream. @module */
import type { Pod } from "#api/core/v1/types.gen";
import type { EventOptions } from "#client";

/** `pod` is the one that the profile schedules. */
export function eventOptions({ spec }: Pod, action: string): EventOptions {
  const component = spec?.schedulerName;
  return { action, ...(component !== undefined && { component }) };
}
