/** What the aggregation layer asks of an APIService: whom it names, and whether that one can be reached. @module */
import { formatTime, type KubeObject } from "#apimachinery";
import type { APIService, APIServiceCondition, ServiceReference } from "#api/apiregistration/v1/types.gen";

export const API_SERVICES = "apiregistration.k8s.io/apiservices";
export const AVAILABLE = "Available";
const DEFAULT_PORT = 443;

export interface GroupVersion {
  readonly group: string;
  readonly version: string;
}

/** `v1.apps`; `v1.` for the core group. */
export function apiServiceName({ group, version }: GroupVersion): string {
  return `${version}.${group}`;
}

export function groupVersionOf({ spec }: APIService): GroupVersion {
  return { group: spec?.group ?? "", version: spec?.version ?? "" };
}

export interface ServiceTarget {
  readonly namespace: string;
  readonly name: string;
  readonly port: number;
}

/** Undefined: the server answers itself. */
export function serviceOf(apiService: APIService): ServiceTarget | undefined {
  const service: ServiceReference | undefined = apiService.spec?.service;
  if (service === undefined) return undefined;
  return { namespace: service.namespace ?? "", name: service.name ?? "", port: service.port ?? DEFAULT_PORT };
}

export function isAvailable(apiService: APIService): boolean {
  return conditionOf(apiService)?.status === "True";
}

export function conditionOf({ status }: APIService): APIServiceCondition | undefined {
  return status?.conditions?.find(({ type }) => type === AVAILABLE);
}

/** The outcome of a check. */
export interface Availability {
  readonly status: "True" | "False" | "Unknown";
  readonly reason: string;
  readonly message: string;
}

export const LOCAL: Availability = {
  status: "True",
  reason: "Local",
  message: "Local APIServices are always available",
};

/** The same object when it says so already. The time of transition is that of the last change of `status`. */
export function withAvailability(
  apiService: APIService,
  { status, reason, message }: Availability,
  nowMs: number,
): APIService {
  const known = conditionOf(apiService);
  if (known?.status === status && known.reason === reason && known.message === message) return apiService;
  const lastTransitionTime =
    known?.status === status && known.lastTransitionTime !== undefined
      ? known.lastTransitionTime
      : formatTime(nowMs);
  const condition: APIServiceCondition = { type: AVAILABLE, status, lastTransitionTime, reason, message };
  const others = (apiService.status?.conditions ?? []).filter(({ type }) => type !== AVAILABLE);
  return { ...apiService, status: { ...apiService.status, conditions: [...others, condition] } };
}

export function asApiService(object: KubeObject): APIService {
  return object as APIService;
}
