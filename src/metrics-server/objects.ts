/** What makes the API visible: its APIService, made again when missing, and the role by which users may read it. @module */
import { isAlreadyExists, unless } from "#apimachinery";
import { APIServices } from "#api/apiregistration/v1/apiservice";
import type { APIService } from "#api/apiregistration/v1/types.gen";
import type { ClusterRole } from "#api/rbac/v1/types.gen";
import type { Client } from "#client";
import { GROUP, VERSION } from "./types.ts";

const PRIORITY = 100;
const AGGREGATE_TO = "rbac.authorization.k8s.io/aggregate-to-";
const LABELS = { "k8s-app": "metrics-server" };

/** Without a service: the API server answers itself. Who installs a metrics-server of their own writes theirs there. */
const apiService: APIService = {
  apiVersion: "apiregistration.k8s.io/v1",
  kind: "APIService",
  metadata: { name: `${VERSION}.${GROUP}`, labels: LABELS },
  spec: { group: GROUP, version: VERSION, groupPriorityMinimum: PRIORITY, versionPriority: PRIORITY },
};

export const metricsReaderRole: ClusterRole = {
  apiVersion: "rbac.authorization.k8s.io/v1",
  kind: "ClusterRole",
  metadata: {
    name: "system:aggregated-metrics-reader",
    labels: {
      ...LABELS,
      [`${AGGREGATE_TO}admin`]: "true",
      [`${AGGREGATE_TO}edit`]: "true",
      [`${AGGREGATE_TO}view`]: "true",
    },
  },
  rules: [{ apiGroups: [GROUP], resources: ["pods", "nodes"], verbs: ["get", "list", "watch"] }],
};

/** One that exists is left as it is. */
export async function ensureMetricsApi(client: Pick<Client, "create">, signal: AbortSignal): Promise<void> {
  await unless(isAlreadyExists, client.create(APIServices, apiService, signal));
}
