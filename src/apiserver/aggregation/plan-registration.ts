/** Which APIServices the server keeps for what it serves itself; upstream's autoregister controller. Pure. @module */
import type { Scheme } from "#api";
import type { APIService } from "#api/apiregistration/v1/types.gen";
import { isCustomKind } from "../registry/custom-kind.ts";
import { apiServiceName, type GroupVersion } from "./api-service.ts";
import { isBuiltinGroup, localPriority } from "./priorities.ts";

const LABEL = "kube-aggregator.kubernetes.io/automanaged";

/** `onstart`: made once, when the server starts; `true`: kept for as long as it is wanted. */
export type Managed = "onstart" | "true";

export interface Registration {
  readonly create: readonly APIService[];
  readonly update: readonly APIService[];
  /** Names. */
  readonly remove: readonly string[];
}

/** Those of the built-in groups, and those of the definitions that are served now. */
export function wantedApiServices({ kinds }: Scheme): readonly APIService[] {
  const wanted = new Map<string, APIService>();
  for (const kind of kinds) {
    const { group, version } = kind;
    const isCustom = isCustomKind(kind);
    if (!isCustom && !isBuiltinGroup(group)) continue;
    const name = apiServiceName(kind);
    // What the server brings along counts more than a version of the same name that a definition adds to.
    if (wanted.has(name)) continue;
    wanted.set(name, apiServiceOf({ group, version }, isCustom));
  }
  return [...wanted.values()];
}

function apiServiceOf(gv: GroupVersion, isCustom: boolean): APIService {
  const priority = localPriority(gv.group, gv.version, isCustom);
  const managed: Managed = isCustom ? "true" : "onstart";
  return {
    apiVersion: "apiregistration.k8s.io/v1",
    kind: "APIService",
    metadata: { name: apiServiceName(gv), labels: { [LABEL]: managed } },
    spec: {
      ...(gv.group !== "" && { group: gv.group }),
      version: gv.version,
      groupPriorityMinimum: priority.group,
      versionPriority: priority.version,
    },
  };
}

/**
 * `isStart`: the first time. Later on those of the built-in groups are left as they are, also when somebody removed
 * them. An APIService without the label is somebody's own, and is never touched.
 */
export function planRegistration(
  wanted: readonly APIService[],
  stored: readonly APIService[],
  isStart: boolean,
): Registration {
  const byName = new Map(stored.map((apiService) => [apiService.metadata.name, apiService]));
  const names = new Set(wanted.map(({ metadata }) => metadata.name));
  const mine = wanted.filter((apiService) => isStart || managedOf(apiService) === "true");
  return {
    create: mine.filter(({ metadata }) => !byName.has(metadata.name)),
    update: mine.flatMap((apiService) => {
      const current = byName.get(apiService.metadata.name);
      if (current === undefined || !isManaged(current, isStart) || isAsWanted(current, apiService)) return [];
      const labels = { ...current.metadata.labels, ...apiService.metadata.labels };
      return [{ ...current, metadata: { ...current.metadata, labels }, spec: apiService.spec! }];
    }),
    remove: stored
      .filter((current) => !names.has(current.metadata.name) && isManaged(current, isStart))
      .map(({ metadata }) => metadata.name),
  };
}

function managedOf({ metadata }: APIService): string | undefined {
  return metadata.labels?.[LABEL];
}

function isManaged(apiService: APIService, isStart: boolean): boolean {
  const managed = managedOf(apiService);
  return managed === "true" || (isStart && managed === "onstart");
}

function isAsWanted(current: APIService, wanted: APIService): boolean {
  const { group = "", version, service, groupPriorityMinimum, versionPriority, ...rest } = current.spec ?? {};
  return (
    managedOf(current) === managedOf(wanted) &&
    service === undefined &&
    Object.keys(rest).length === 0 &&
    group === (wanted.spec?.group ?? "") &&
    version === wanted.spec?.version &&
    groupPriorityMinimum === wanted.spec?.groupPriorityMinimum &&
    versionPriority === wanted.spec?.versionPriority
  );
}
