/** What the API server drops from CronJobs, and what it warns about. @module */
import type { Strategy } from "#apimachinery";
import { warningsForWorkloadName } from "../../core/v1/pod-warnings.ts";
import { templateStrategy } from "../../core/v1/template-strategy.ts";
import { warningsForIndexes } from "./job-strategy.ts";
import type { CronJob } from "./types.gen.ts";

const PATH = "spec.jobTemplate.spec";
const ZONE_MESSAGE =
  "cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead, see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details";

const ofTemplate = templateStrategy<CronJob>({
  path: `${PATH}.template`,
  of: (object) => object.spec?.jobTemplate.spec?.template,
  into: (object, template) => {
    const { jobTemplate } = object.spec;
    const spec = {
      ...object.spec,
      jobTemplate: { ...jobTemplate, spec: { ...jobTemplate.spec!, template } },
    };
    return { ...object, spec };
  },
});

export const cronJobStrategy: Strategy<CronJob> = {
  ...ofTemplate,
  warnings: (cronJob, old, subresource) => {
    const { spec, metadata } = cronJob;
    const isChanged = old === undefined || old.metadata.generation !== metadata.generation;
    const hasZone = old !== undefined && subresource === "" && spec?.schedule.includes("TZ");
    return [
      ...(old === undefined ? warningsForWorkloadName(metadata.name) : []),
      ...(isChanged ? warningsForIndexes(spec?.jobTemplate.spec, PATH) : []),
      ...ofTemplate.warnings(cronJob, old, subresource),
      ...(hasZone ? [ZONE_MESSAGE] : []),
    ];
  },
};
