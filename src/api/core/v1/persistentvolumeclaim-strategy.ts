/** Makes the two ways to name the source of a claim's data say the same (KEP-1495). @module */
import type { Strategy } from "#apimachinery";
import { warningsForClaim } from "./persistentvolumeclaim-warnings.ts";
import type { PersistentVolumeClaim, PersistentVolumeClaimSpec } from "./types.gen.ts";

export const persistentVolumeClaimStrategy: Strategy<PersistentVolumeClaim> = {
  prepareForCreate: (pvc) => ({ ...withSources(pvc, undefined), status: { phase: "Pending" } }),
  prepareForUpdate: (pvc, old) => withSources(pvc, old.spec),
  warnings: (pvc, _old, subresource) => (subresource === "status" ? [] : warningsForClaim(pvc)),
};

function withSources(
  pvc: PersistentVolumeClaim,
  old: PersistentVolumeClaimSpec | undefined,
): PersistentVolumeClaim {
  const { spec } = pvc;
  if (spec === undefined || (spec.dataSource === undefined && spec.dataSourceRef === undefined)) return pvc;
  return { ...pvc, spec: normalize(dropped(spec, old)) };
}

/** Other namespaces' sources are behind CrossNamespaceVolumeDataSource; other kinds were always ignored in `dataSource`. */
function dropped(
  spec: PersistentVolumeClaimSpec,
  old: PersistentVolumeClaimSpec | undefined,
): PersistentVolumeClaimSpec {
  const { dataSource, dataSourceRef, ...rest } = spec;
  const isForeign = (dataSourceRef?.namespace ?? "") !== "" && old?.dataSourceRef === undefined;
  const ref = isForeign ? undefined : dataSourceRef;
  const wasInUse = old?.dataSource !== undefined || old?.dataSourceRef !== undefined;
  const source = wasInUse || ref !== undefined || isKnownSource(dataSource) ? dataSource : undefined;
  return {
    ...rest,
    ...(source !== undefined && { dataSource: source }),
    ...(ref !== undefined && { dataSourceRef: ref }),
  };
}

function isKnownSource(source: PersistentVolumeClaimSpec["dataSource"]): boolean {
  const group = source?.apiGroup ?? "";
  if (source?.kind === "PersistentVolumeClaim") return group === "";
  return source?.kind === "VolumeSnapshot" && group === "snapshot.storage.k8s.io";
}

function normalize(spec: PersistentVolumeClaimSpec): PersistentVolumeClaimSpec {
  const { dataSource, dataSourceRef } = spec;
  if (dataSource !== undefined && dataSourceRef === undefined) return { ...spec, dataSourceRef: dataSource };
  if (dataSourceRef === undefined || dataSource !== undefined || dataSourceRef.namespace) return spec;
  const { namespace: _namespace, ...source } = dataSourceRef;
  return { ...spec, dataSource: source };
}
