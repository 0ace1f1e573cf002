/** The pods of a Job. @module */
import { Jobs } from "#api/batch/v1/job";
import type { Job } from "#api/batch/v1/types.gen";
import type { Container, Pod } from "#api/core/v1/types.gen";
import { failureCounts, hasLimitPerIndex } from "./per-index.ts";
import { podFromTemplate } from "../pod-control.ts";
import { COMPLETION_INDEX, TRACKING_FINALIZER } from "./tracking.ts";

const INDEX_VARIABLE = "JOB_COMPLETION_INDEX";
/** Room for the suffix that the API server adds. */
const GENERATE_NAME_LENGTH_MAX = 58;

/** `index` is the pod's part of the work, where the Job numbers them; `last` failed at it before. */
export function jobPod(job: Job, index: number | undefined, last?: Pod): Pod {
  const pod = podFromTemplate(job.spec!.template, job, Jobs);
  const finalizers = [
    ...(pod.metadata.finalizers ?? []).filter((name) => name !== TRACKING_FINALIZER),
    TRACKING_FINALIZER,
  ];
  if (index === undefined) return { ...pod, metadata: { ...pod.metadata, finalizers } };
  const mark = { [COMPLETION_INDEX]: String(index) };
  const suffix = `-${index}-`;
  const { initContainers, containers } = pod.spec!;
  return {
    ...pod,
    metadata: {
      ...pod.metadata,
      generateName: `${job.metadata.name.slice(0, GENERATE_NAME_LENGTH_MAX - suffix.length)}${suffix}`,
      annotations: {
        ...pod.metadata.annotations,
        ...mark,
        ...(hasLimitPerIndex(job) && failureCounts(job, last)),
      },
      labels: { ...pod.metadata.labels, ...mark },
      finalizers,
    },
    spec: {
      ...pod.spec!,
      hostname: `${job.metadata.name}-${index}`,
      containers: containers.map(withIndex),
      ...(initContainers !== undefined && { initContainers: initContainers.map(withIndex) }),
    },
  };
}

/** The user's own variable of that name stays. */
function withIndex(container: Container): Container {
  const env = container.env ?? [];
  if (env.some(({ name }) => name === INDEX_VARIABLE)) return container;
  const fieldPath = `metadata.labels['${COMPLETION_INDEX}']`;
  return { ...container, env: [...env, { name: INDEX_VARIABLE, valueFrom: { fieldRef: { fieldPath } } }] };
}
