/** Gives a job the labels and the selector by which it finds its pods. @module */
import type { Strategy } from "#apimachinery";
import { warningsForWorkloadName } from "../../core/v1/pod-warnings.ts";
import { templateStrategy } from "../../core/v1/template-strategy.ts";
import type { Job, JobSpec } from "./types.gen.ts";

export const JOB_NAME_LABEL = "batch.kubernetes.io/job-name";
export const CONTROLLER_UID_LABEL = "batch.kubernetes.io/controller-uid";
const LEGACY_JOB_NAME_LABEL = "job-name";
const LEGACY_CONTROLLER_UID_LABEL = "controller-uid";

const ofTemplate = templateStrategy<Job>({
  path: "spec.template",
  of: (job) => job.spec?.template,
  into: (job, template) => ({ ...job, spec: { ...job.spec!, template } }),
});

export const jobStrategy: Strategy<Job> = {
  prepareForCreate: (given) => {
    const job = ofTemplate.prepareForCreate(given);
    return job.spec === undefined || job.spec.manualSelector === true
      ? job
      : { ...job, spec: withSelector(job, job.spec) };
  },
  prepareForUpdate: ofTemplate.prepareForUpdate,
  warnings: (job, old, subresource) => {
    const isChanged = old === undefined || old.metadata.generation !== job.metadata.generation;
    return [
      ...(old === undefined ? warningsForWorkloadName(job.metadata.name) : []),
      ...(isChanged ? warningsForIndexes(job.spec, "spec") : []),
      ...ofTemplate.warnings(job, old, subresource),
    ];
  },
};

const COMPLETIONS_MAX = 100_000;
const PARALLELISM_MAX = 10_000;

export function warningsForIndexes(spec: JobSpec | undefined, path: string): readonly string[] {
  const { completionMode, completions = 0, parallelism = 0 } = spec ?? {};
  if (completionMode !== "Indexed" || completions <= COMPLETIONS_MAX || parallelism <= PARALLELISM_MAX)
    return [];
  return [
    `${path}: In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, Kubernetes might not be able to track completedIndexes when a big number of indexes fail`,
  ];
}

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
