/** CronJob creates jobs on a schedule. @module */
import type { Kind } from "#apimachinery";
import {
  ageColumn,
  formatSelector,
  integer,
  nameColumn,
  templateColumns,
  text,
  wide,
} from "../../printing/columns.ts";
import { since } from "../../printing/human-duration.ts";
import { defaultCronJob } from "./defaults.ts";
import { cronJobStrategy } from "./cronjob-strategy.ts";
import { validateCronJob, validateCronJobCreate } from "./cronjob-validation.ts";
import type { CronJob } from "./types.gen.ts";

export const CronJobs: Kind<CronJob> = {
  group: "batch",
  version: "v1",
  kind: "CronJob",
  names: { plural: "cronjobs", singular: "cronjob", short: ["cj"], categories: ["all"] },
  scope: "Namespaced",
  subresources: ["status"],
  defaults: defaultCronJob,
  validate: validateCronJob,
  validateCreate: validateCronJobCreate,
  strategy: cronJobStrategy,
  columns: [
    nameColumn,
    text("Schedule", (cj) => cj.spec?.schedule ?? ""),
    text("Timezone", (cj) => cj.spec?.timeZone ?? "<none>"),
    { ...text<CronJob>("Suspend", suspended), type: "boolean" },
    integer("Active", (cj) => cj.status?.active?.length ?? 0),
    text("Last Schedule", (cj, nowMs) =>
      cj.status?.lastScheduleTime === undefined ? "<none>" : since(cj.status.lastScheduleTime, nowMs),
    ),
    ageColumn,
    ...templateColumns<CronJob>((cj) => cj.spec?.jobTemplate.spec?.template.spec?.containers),
    wide("Selector", (cj) => formatSelector(cj.spec?.jobTemplate.spec?.selector)),
  ],
};

function suspended(cj: CronJob): string {
  if (cj.spec?.suspend === undefined) return "<unset>";
  return cj.spec.suspend ? "True" : "False";
}
