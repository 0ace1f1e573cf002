/** Gives a job the labels and the selector by which it finds its pods. @module */
import type { Strategy } from "#apimachinery";
import type { Job, JobSpec } from "./types.gen.ts";

export const JOB_NAME_LABEL = "batch.kubernetes.io/job-name";
export const CONTROLLER_UID_LABEL = "batch.kubernetes.io/controller-uid";
const LEGACY_JOB_NAME_LABEL = "job-name";
const LEGACY_CONTROLLER_UID_LABEL = "controller-uid";

export const jobStrategy: Strategy<Job> = {
  prepareForCreate: (job) =>
    job.spec === undefined || job.spec.manualSelector === true
      ? job
      : { ...job, spec: withSelector(job, job.spec) },
};

/** Labels that the user set already stay; the validation refuses those that disagree. */
function withSelector({ metadata: { name, uid = "" } }: Job, spec: JobSpec): JobSpec {
  const { template, selector } = spec;
  return {
    ...spec,
    template: {
      ...template,
      metadata: {
        ...template.metadata,
        labels: {
          [LEGACY_JOB_NAME_LABEL]: name,
          [JOB_NAME_LABEL]: name,
          [LEGACY_CONTROLLER_UID_LABEL]: uid,
          [CONTROLLER_UID_LABEL]: uid,
          ...template.metadata?.labels,
        },
      },
    },
    selector: { ...selector, matchLabels: { [CONTROLLER_UID_LABEL]: uid, ...selector?.matchLabels } },
  };
}
