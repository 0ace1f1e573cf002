/** What `kubectl get hpa` shows. @module */
import type { Column } from "#apimachinery";
import { ageColumn, nameColumn, text } from "../../printing/columns.ts";
import type {
  HorizontalPodAutoscaler,
  MetricSpec,
  MetricStatus,
  MetricTarget,
  MetricValueStatus,
} from "./types.gen.ts";

export const hpaColumns: readonly Column<HorizontalPodAutoscaler>[] = [
  nameColumn,
  text("Reference", ({ spec }) => `${spec?.scaleTargetRef.kind ?? ""}/${spec?.scaleTargetRef.name ?? ""}`),
  text("Targets", ({ spec, status }) => formatMetrics(spec?.metrics ?? [], status?.currentMetrics ?? [])),
  text("MinPods", ({ spec }) => String(spec?.minReplicas ?? "<unset>")),
  text("MaxPods", ({ spec }) => spec?.maxReplicas ?? 0),
  text("Replicas", ({ status }) => status?.currentReplicas ?? 0),
  ageColumn,
];

const METRICS_SHOWN_MAX = 2;
const UNKNOWN = "<unknown>";

function formatMetrics(specs: readonly MetricSpec[], statuses: readonly MetricStatus[]): string {
  if (specs.length === 0) return "<none>";
  const shown = specs.slice(0, METRICS_SHOWN_MAX).map((spec, i) => formatMetric(spec, statuses[i]));
  const more = specs.length - METRICS_SHOWN_MAX;
  return more > 0 ? `${shown.join(", ")} + ${more} more...` : shown.join(", ");
}

function formatMetric(spec: MetricSpec, status: MetricStatus | undefined): string {
  switch (spec.type) {
    case "External":
      return valueOrAverage(spec.external?.target, status?.external?.current);
    case "Object":
      return valueOrAverage(spec.object?.target, status?.object?.current);
    case "Pods":
      return `${status?.pods?.current.averageValue ?? UNKNOWN}/${spec.pods?.target.averageValue ?? "0"}`;
    case "Resource":
      return `${spec.resource?.name ?? ""}: ${resource(spec.resource?.target, status?.resource?.current)}`;
    case "ContainerResource": {
      const current = status?.containerResource?.current;
      return `${spec.containerResource?.name ?? ""}: ${resource(spec.containerResource?.target, current)}`;
    }
    default:
      return "<unknown type>";
  }
}

function valueOrAverage(target: MetricTarget | undefined, current: MetricValueStatus | undefined): string {
  if (target?.averageValue !== undefined)
    return `${current?.averageValue ?? UNKNOWN}/${target.averageValue} (avg)`;
  return `${current === undefined ? UNKNOWN : (current.value ?? "0")}/${target?.value ?? "0"}`;
}

function resource(target: MetricTarget | undefined, current: MetricValueStatus | undefined): string {
  if (target?.averageValue !== undefined) return `${current?.averageValue ?? UNKNOWN}/${target.averageValue}`;
  return `${percent(current?.averageUtilization, UNKNOWN)}/${percent(target?.averageUtilization, "<auto>")}`;
}

const percent = (value: number | undefined, none: string): string =>
  value === undefined ? none : `${value}%`;
