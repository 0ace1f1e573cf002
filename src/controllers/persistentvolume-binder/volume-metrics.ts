/** How many volumes and claims there are, bound and not, under upstream's names; counted as they come and go. @module */
import type { KubeObject } from "#apimachinery";
import { storageClassOf } from "#api/core/v1/storage-class-name";
import type { PersistentVolume, PersistentVolumeClaim } from "#api/core/v1/types.gen";
import type { MetricLabels, MetricsSink, SharedInformer } from "#client";

/** Field of a volume's spec → the plugin it is for. */
const PLUGINS: Readonly<Record<string, string>> = {
  hostPath: "kubernetes.io/host-path",
  local: "kubernetes.io/local-volume",
  nfs: "kubernetes.io/nfs",
  iscsi: "kubernetes.io/iscsi",
  fc: "kubernetes.io/fc",
  flexVolume: "kubernetes.io/flexvolume",
};

type Count = readonly [metric: string, labels: MetricLabels];

/** Before the informers start. Bounded by the combinations of labels that there have been. */
export function countVolumes(
  metrics: MetricsSink,
  volumes: SharedInformer<PersistentVolume>,
  claims: SharedInformer<PersistentVolumeClaim>,
): void {
  const counts = new Map<string, number>();
  const add = ([metric, labels]: Count, by: number): void => {
    const key = `${metric} ${JSON.stringify(labels)}`;
    const count = (counts.get(key) ?? 0) + by;
    counts.set(key, count);
    metrics.set(`pv_collector_${metric}`, labels, count);
  };
  const follow = <T extends KubeObject>(
    informer: SharedInformer<T>,
    countsOf: (object: T) => readonly Count[],
  ): void => {
    const change = (object: T, by: number): void => countsOf(object).forEach((count) => add(count, by));
    informer.addEventHandler({
      onAdd: (object) => change(object, 1),
      onUpdate: (object, old) => {
        change(old, -1);
        change(object, 1);
      },
      onDelete: (object) => change(object, -1),
    });
  };
  follow(volumes, volumeCounts);
  follow(claims, claimCounts);
}

function volumeCounts({ spec, status }: PersistentVolume): readonly Count[] {
  const total = { plugin_name: pluginOf(spec), volume_mode: spec?.volumeMode ?? "Filesystem" };
  const bound = status?.phase === "Bound" ? "bound_pv_count" : "unbound_pv_count";
  return [
    ["total_pv_count", total],
    [bound, { storage_class: spec?.storageClassName ?? "" }],
  ];
}

function claimCounts(claim: PersistentVolumeClaim): readonly Count[] {
  const labels = {
    namespace: claim.metadata.namespace ?? "",
    storage_class: storageClassOf(claim),
    volume_attributes_class: claim.spec?.volumeAttributesClassName ?? "",
  };
  return [[claim.status?.phase === "Bound" ? "bound_pvc_count" : "unbound_pvc_count", labels]];
}

function pluginOf(spec: PersistentVolume["spec"]): string {
  if (spec?.csi !== undefined) return `kubernetes.io/csi:${spec.csi.driver}`;
  const field = Object.keys(spec ?? {}).find((name) => PLUGINS[name] !== undefined);
  return field === undefined ? "N/A" : PLUGINS[field]!;
}
