/** What controllers may say in the status of a job; each rule asks only of what changed. @module */
import { field } from "#apimachinery";
import { each, NONE, nonNegative, type Causes } from "../../validation/common.ts";
import { semanticEqual } from "../../validation/semantic-equal.ts";
import { overlapOf, parseIndexes } from "./job-indexes.ts";
import type { Job, JobStatus } from "./types.gen.ts";

const CONDITIONS = "status.conditions";

interface Change {
  readonly job: Job;
  readonly status: JobStatus;
  readonly before: JobStatus;
  readonly is: (type: string) => boolean;
  readonly was: (type: string) => boolean;
  readonly isFinished: boolean;
  /** Of the condition. */
  readonly flipped: (...types: readonly string[]) => boolean;
  readonly finishes: boolean;
}

export function validateJobStatusUpdate(job: Job, old: Job): Causes {
  const [status, before] = [job.status ?? {}, old.status ?? {}];
  const is = (type: string): boolean => isTrue(status, type);
  const was = (type: string): boolean => isTrue(before, type);
  const isFinished = is("Complete") || is("Failed");
  const change: Change = {
    job,
    status,
    before,
    is,
    was,
    isFinished,
    flipped: (...types) => types.some((type) => is(type) !== was(type)),
    finishes: isFinished !== (was("Complete") || was("Failed")),
  };
  return [
    ...validateCounts(status),
    ...validateUncounted(status),
    ...validateOutcome(change),
    ...validateFinished(change),
    ...validateIndexes(change),
    ...validateLiveCounts(change),
    ...validateSuccess(change),
    ...validateProgress(change),
  ];
}

function isTrue({ conditions = [] }: JobStatus, type: string): boolean {
  return conditions.some((condition) => condition.type === type && condition.status === "True");
}

const COUNTS = ["active", "succeeded", "failed", "ready", "terminating"] as const;

function validateCounts(status: JobStatus): Causes {
  return COUNTS.flatMap((name) => nonNegative(status[name], `status.${name}`));
}

function validateUncounted({ uncountedTerminatedPods: pods }: JobStatus): Causes {
  const seen = new Set<string>();
  return (["succeeded", "failed"] as const).flatMap((list) =>
    each(pods?.[list], `status.uncountedTerminatedPods.${list}`, (uid, at) => {
      if (uid === "") return [field.invalid(at, uid, "must not be empty")];
      if (seen.has(uid)) return [field.duplicate(at, uid)];
      seen.add(uid);
      return NONE;
    }),
  );
}

function validateOutcome({ status, before, is, flipped }: Change): Causes {
  const { completionTime, startTime } = status;
  const path = "status.completionTime";
  const timeChanged = completionTime !== before.completionTime;
  const startChanged = startTime !== before.startTime;
  const complete = is("Complete");
  const isEarly =
    startTime !== undefined &&
    completionTime !== undefined &&
    Date.parse(completionTime) < Date.parse(startTime);
  const rules: readonly (readonly [applies: boolean, broken: boolean, cause: () => Causes[number]])[] = [
    [
      flipped("Complete", "Failed"),
      complete && is("Failed"),
      () => field.invalidUnshown(CONDITIONS, "cannot set Complete=True and Failed=true conditions"),
    ],
    [
      flipped("Complete", "FailureTarget"),
      complete && is("FailureTarget"),
      () => field.invalidUnshown(CONDITIONS, "cannot set Complete=True and FailureTarget=true conditions"),
    ],
    [
      flipped("Complete") || timeChanged,
      completionTime !== undefined && !complete,
      () =>
        field.invalid(
          path,
          completionTime,
          "cannot set completionTime when there is no Complete=True condition",
        ),
    ],
    [
      flipped("Complete") || timeChanged,
      completionTime === undefined && complete,
      () => field.required(path, "completionTime is required for Complete jobs"),
    ],
    [
      startChanged || timeChanged,
      isEarly,
      () => field.invalid(path, completionTime, "must be equal to or after `startTime`"),
    ],
    [
      flipped("Failed") || status.failedIndexes !== before.failedIndexes,
      is("Failed") && !is("FailureTarget"),
      () =>
        field.invalidUnshown(
          CONDITIONS,
          "cannot set Failed=True condition without the FailureTarget=true condition",
        ),
    ],
    [
      flipped("Complete", "SuccessCriteriaMet"),
      complete && !is("SuccessCriteriaMet"),
      () =>
        field.invalidUnshown(
          CONDITIONS,
          "cannot set Complete=True condition without the SuccessCriteriaMet=true condition",
        ),
    ],
  ];
  return rules.flatMap(([applies, broken, cause]) => (applies && broken ? [cause()] : []));
}

function validateFinished({ job, status, before, isFinished, finishes }: Change): Causes {
  if (!isFinished) return NONE;
  const { active = 0, startTime, uncountedTerminatedPods: pods } = status;
  const uncounted = (pods?.failed?.length ?? 0) + (pods?.succeeded?.length ?? 0);
  const neverRan = job.spec?.suspend === true && job.spec.completions === 0;
  const startMatters = (finishes || startTime !== before.startTime) && !neverRan;
  const podsMatter = finishes || !semanticEqual(pods, before.uncountedTerminatedPods);
  return [
    ...((finishes || active !== (before.active ?? 0)) && active > 0
      ? [field.invalid("status.active", active, "active>0 is invalid for finished job")]
      : NONE),
    ...(startMatters && startTime === undefined
      ? [field.required("status.startTime", "startTime is required for finished job")]
      : NONE),
    ...(podsMatter && uncounted > 0
      ? [field.invalid("status.uncountedTerminatedPods", pods, "must be empty for finished job")]
      : NONE),
  ];
}

function validateIndexes({ job, status, before }: Change): Causes {
  const { completedIndexes = "", failedIndexes } = status;
  const { completions, completionMode, backoffLimitPerIndex } = job.spec ?? {};
  const completedChanged = completedIndexes !== (before.completedIndexes ?? "");
  const failedChanged = failedIndexes !== before.failedIndexes;
  const [completedPath, failedPath] = ["status.completedIndexes", "status.failedIndexes"];
  const parse = (text: string): number | string =>
    completions === undefined ? 0 : parseIndexes(text, completions);
  const [completed, failed] = [parse(completedIndexes), parse(failedIndexes ?? "")];
  const overlap =
    completions === undefined || failedIndexes === undefined
      ? undefined
      : overlapOf(completedIndexes, failedIndexes, completions);
  const notIndexed = "cannot set non-empty completedIndexes when non-indexed completion mode";
  const noLimit = "cannot set non-null failedIndexes when backoffLimitPerIndex is null";
  return [
    ...(completedChanged && typeof completed === "string"
      ? [field.invalid(completedPath, completedIndexes, `error parsing completedIndexes: ${completed}`)]
      : NONE),
    ...(failedChanged && backoffLimitPerIndex !== undefined && typeof failed === "string"
      ? [field.invalid(failedPath, failedIndexes, `error parsing failedIndexes: ${failed}`)]
      : NONE),
    ...(completedChanged && completedIndexes !== "" && completionMode !== "Indexed"
      ? [field.invalid(completedPath, completedIndexes, notIndexed)]
      : NONE),
    ...(failedChanged && failedIndexes !== undefined && backoffLimitPerIndex === undefined
      ? [field.invalid(failedPath, failedIndexes, noLimit)]
      : NONE),
    ...((failedChanged || completedChanged) && overlap !== undefined
      ? [field.invalid(failedPath, failedIndexes, overlap)]
      : NONE),
  ];
}

function validateLiveCounts({ status, before, isFinished, finishes }: Change): Causes {
  const { terminating, ready, active = 0 } = status;
  const terminatingMatters = isFinished && (finishes || terminating !== before.terminating);
  const readyMatters = ready !== before.ready || active !== (before.active ?? 0);
  return [
    ...(terminatingMatters && (terminating ?? 0) > 0
      ? [field.invalid("status.terminating", terminating, "terminating>0 is invalid for finished job")]
      : NONE),
    ...(readyMatters && (ready ?? 0) > active
      ? [field.invalid("status.ready", ready, "cannot set more ready pods than active")]
      : NONE),
  ];
}

function validateSuccess({ job, is }: Change): Causes {
  const met = is("SuccessCriteriaMet");
  const unmet = job.spec?.successPolicy !== undefined && !met && is("Complete");
  return [
    ...(met && is("Failed")
      ? [field.invalidUnshown(CONDITIONS, "cannot set SuccessCriteriaMet=True and Failed=true conditions")]
      : NONE),
    ...(met && is("FailureTarget")
      ? [
          field.invalidUnshown(
            CONDITIONS,
            "cannot set SuccessCriteriaMet=True and FailureTarget=true conditions",
          ),
        ]
      : NONE),
    ...(unmet
      ? [
          field.invalidUnshown(
            CONDITIONS,
            "cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True",
          ),
        ]
      : NONE),
  ];
}

/** What is over stays over, and counters only grow. */
function validateProgress({ job, status, before, is, was }: Change): Causes {
  const { completionMode, completions, parallelism, suspend } = job.spec ?? {};
  const mayShrink = completionMode === "Indexed" && completions === parallelism;
  const fewer = (name: "failed" | "succeeded"): boolean => (status[name] ?? 0) < (before[name] ?? 0);
  const { completionTime: end, startTime: start } = status;
  const resumes =
    was("Suspended") && (status.conditions ?? []).some((c) => c.type === "Suspended" && c.status === "False");
  const restarted =
    before.startTime !== undefined && start !== before.startTime && suspend !== true && !resumes;
  return [
    ...["Failed", "Complete", "FailureTarget"]
      .filter((type) => was(type) && !is(type))
      .map((type) => field.invalidUnshown(CONDITIONS, `cannot disable the terminal ${type}=True condition`)),
    ...(fewer("failed")
      ? [field.invalid("status.failed", status.failed ?? 0, "cannot decrease the failed counter")]
      : NONE),
    ...(fewer("succeeded") && !mayShrink
      ? [field.invalid("status.succeeded", status.succeeded ?? 0, "cannot decrease the succeeded counter")]
      : NONE),
    ...(end !== undefined && before.completionTime !== undefined && end !== before.completionTime
      ? [field.invalid("status.completionTime", end, field.IMMUTABLE_MESSAGE)]
      : NONE),
    ...(restarted
      ? [field.invalid("status.startTime", start, "field is immutable for unsuspended job once set")]
      : NONE),
    ...(was("SuccessCriteriaMet") && !is("SuccessCriteriaMet")
      ? [field.invalidUnshown(CONDITIONS, "cannot disable the SuccessCriteriaMet=True condition")]
      : NONE),
    ...(was("Complete") && !was("SuccessCriteriaMet") && is("SuccessCriteriaMet")
      ? [
          field.invalidUnshown(
            CONDITIONS,
            "cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions",
          ),
        ]
      : NONE),
  ];
}
