/** The device plugin API (v1beta1) as messages and methods. @module */
import { createSchema, type Schema, type Tables } from "#cri";

const tables: Tables = {
  package: "v1beta1",
  messages: {
    DevicePluginOptions: "preStartRequired 1 bool; getPreferredAllocationAvailable 2 bool",
    RegisterRequest:
      "version 1 string; endpoint 2 string; resourceName 3 string; options 4 DevicePluginOptions",
    Empty: "",
    ListAndWatchResponse: "devices 1 Device[]",
    TopologyInfo: "nodes 1 NUMANode[]",
    NUMANode: "id 1 int64",
    Device: "id 1 string; health 2 string; topology 3 TopologyInfo",
    PreStartContainerRequest: "devicesIds 1 string[]",
    PreStartContainerResponse: "",
    PreferredAllocationRequest: "containerRequests 1 ContainerPreferredAllocationRequest[]",
    ContainerPreferredAllocationRequest:
      "availableDeviceIds 1 string[]; mustIncludeDeviceIds 2 string[]; allocationSize 3 int32",
    PreferredAllocationResponse: "containerResponses 1 ContainerPreferredAllocationResponse[]",
    ContainerPreferredAllocationResponse: "deviceIds 1 string[]",
    AllocateRequest: "containerRequests 1 ContainerAllocateRequest[]",
    ContainerAllocateRequest: "devicesIds 1 string[]",
    CDIDevice: "name 1 string",
    AllocateResponse: "containerResponses 1 ContainerAllocateResponse[]",
    ContainerAllocateResponse:
      "envs 1 map; mounts 2 Mount[]; devices 3 DeviceSpec[]; annotations 4 map; cdiDevices 5 CDIDevice[]",
    Mount: "containerPath 1 string; hostPath 2 string; readOnly 3 bool",
    DeviceSpec: "containerPath 1 string; hostPath 2 string; permissions 3 string",
  },
  enums: {},
  methods: [
    "Registration Register RegisterRequest Empty",
    "DevicePlugin GetDevicePluginOptions Empty DevicePluginOptions",
    "DevicePlugin ListAndWatch Empty ListAndWatchResponse stream",
    "DevicePlugin GetPreferredAllocation PreferredAllocationRequest PreferredAllocationResponse",
    "DevicePlugin Allocate AllocateRequest AllocateResponse",
    "DevicePlugin PreStartContainer PreStartContainerRequest PreStartContainerResponse",
  ],
};

/** Also for plugins that are written here: tests' devices. */
export const devicePluginApi: Schema = createSchema(tables);

/** The only version of the API that kubelet speaks. */
export const DEVICE_PLUGIN_VERSION = "v1beta1";
export const HEALTHY = "Healthy";

export interface PluginDevice {
  readonly id: string;
  /** `Healthy`; everything else is not. */
  readonly health: string;
  readonly topology?: { readonly nodes: readonly { readonly id: number }[] };
}

export interface DevicePluginOptions {
  readonly preStartRequired: boolean;
  readonly getPreferredAllocationAvailable: boolean;
}

export interface RegisterRequest {
  readonly version: string;
  /** Name of the plugin's socket in kubelet's folder. */
  readonly endpoint: string;
  readonly resourceName: string;
}

type StringMap = Readonly<Record<string, string>>;

/** What a container must get to use its devices. */
export interface ContainerAllocateResponse {
  readonly envs: StringMap;
  readonly mounts: readonly {
    readonly containerPath: string;
    readonly hostPath: string;
    readonly readOnly: boolean;
  }[];
  readonly devices: readonly {
    readonly containerPath: string;
    readonly hostPath: string;
    readonly permissions: string;
  }[];
  readonly annotations: StringMap;
  readonly cdiDevices: readonly { readonly name: string }[];
}
