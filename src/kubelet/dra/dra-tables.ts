/** The APIs between kubelet and a DRA driver's plugin (dra v1, v1beta1, dra-health v1alpha1) as messages and methods. @module */
import { createSchema, type Schema, type Tables } from "#cri";

/** Maps with messages for values are lists of entries on the wire. */
const messages: Tables["messages"] = {
  Claim: "namespace 1 string; uid 2 string; name 3 string",
  NodePrepareResourcesRequest: "claims 1 Claim[]",
  NodePrepareResourcesResponse: "claims 1 PreparedEntry[]",
  PreparedEntry: "key 1 string; value 2 NodePrepareResourceResponse",
  NodePrepareResourceResponse: "devices 1 Device[]; error 2 string",
  Device:
    "requestNames 1 string[]; poolName 2 string; deviceName 3 string; cdiDeviceIds 4 string[]; shareId 5 string",
  NodeUnprepareResourcesRequest: "claims 1 Claim[]",
  NodeUnprepareResourcesResponse: "claims 1 UnpreparedEntry[]",
  UnpreparedEntry: "key 1 string; value 2 NodeUnprepareResourceResponse",
  NodeUnprepareResourceResponse: "error 1 string",
};
const methods: Tables["methods"] = [
  "DRAPlugin NodePrepareResources NodePrepareResourcesRequest NodePrepareResourcesResponse",
  "DRAPlugin NodeUnprepareResources NodeUnprepareResourcesRequest NodeUnprepareResourcesResponse",
];

/** By the name under which a plugin says that it serves it; the newest first. Also for drivers that are written here. */
export const draServices: ReadonlyMap<string, Schema> = new Map(
  ["v1", "v1beta1"].map((version) => [
    `${version}.DRAPlugin`,
    createSchema({ package: `k8s.io.kubelet.pkg.apis.dra.${version}`, messages, enums: {}, methods }),
  ]),
);

export const draHealth: Schema = createSchema({
  package: "v1alpha1",
  messages: {
    NodeWatchResourcesRequest: "",
    DeviceIdentifier: "poolName 1 string; deviceName 2 string",
    DeviceHealth:
      "device 1 DeviceIdentifier; health 2 HealthStatus; lastUpdatedTime 3 int64; healthCheckTimeoutSeconds 4 int64; message 5 string",
    NodeWatchResourcesResponse: "devices 1 DeviceHealth[]",
  },
  enums: { HealthStatus: "UNKNOWN HEALTHY UNHEALTHY" },
  methods: [
    "DRAResourceHealth NodeWatchResources NodeWatchResourcesRequest NodeWatchResourcesResponse stream",
  ],
});

export interface DraClaim {
  readonly namespace: string;
  readonly uid: string;
  readonly name: string;
}

/** What a plugin tells of a device that it has prepared. */
export interface PreparedDevice {
  /** Empty: it belongs to all requests of the claim. */
  readonly requestNames: readonly string[];
  readonly poolName: string;
  readonly deviceName: string;
  readonly cdiDeviceIds: readonly string[];
  /** "" when the device is not shared. */
  readonly shareId: string;
}

export interface PluginDeviceHealth {
  readonly device?: { readonly poolName: string; readonly deviceName: string };
  /** `UNKNOWN`, `HEALTHY`, `UNHEALTHY`. */
  readonly health: string;
  readonly healthCheckTimeoutSeconds: number;
  readonly message: string;
}
