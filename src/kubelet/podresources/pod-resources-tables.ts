/** The APIs that tell which pods hold which resources of the node (podresources v1, v1alpha1). @module */
import { createSchema, type Schema, type Tables } from "#cri";

const tables: Tables = {
  package: "v1",
  messages: {
    AllocatableResourcesRequest: "",
    AllocatableResourcesResponse:
      "devices 1 ContainerDevices[]; cpuIds 2 int64[]; memory 3 ContainerMemory[]",
    ListPodResourcesRequest: "",
    ListPodResourcesResponse: "podResources 1 PodResources[]",
    PodResources: "name 1 string; namespace 2 string; containers 3 ContainerResources[]",
    ContainerResources:
      "name 1 string; devices 2 ContainerDevices[]; cpuIds 3 int64[]; memory 4 ContainerMemory[]; dynamicResources 5 DynamicResource[]",
    ContainerMemory: "memoryType 1 string; size 2 uint64; topology 3 TopologyInfo",
    ContainerDevices: "resourceName 1 string; deviceIds 2 string[]; topology 3 TopologyInfo",
    TopologyInfo: "nodes 1 NUMANode[]",
    NUMANode: "id 1 int64",
    DynamicResource: "claimName 2 string; claimNamespace 3 string; claimResources 4 ClaimResource[]",
    ClaimResource:
      "cdiDevices 1 CDIDevice[]; driverName 2 string; poolName 3 string; deviceName 4 string; shareId 5 string",
    CDIDevice: "name 1 string",
    GetPodResourcesRequest: "podName 1 string; podNamespace 2 string",
    GetPodResourcesResponse: "podResources 1 PodResources",
  },
  enums: {},
  methods: [
    "PodResourcesLister List ListPodResourcesRequest ListPodResourcesResponse",
    "PodResourcesLister GetAllocatableResources AllocatableResourcesRequest AllocatableResourcesResponse",
    "PodResourcesLister Get GetPodResourcesRequest GetPodResourcesResponse",
  ],
};

/** Also for those who ask: tests. */
export const podResourcesApi: Schema = createSchema(tables);

export const podResourcesAlphaApi: Schema = createSchema({
  package: "v1alpha1",
  messages: {
    ListPodResourcesRequest: "",
    ListPodResourcesResponse: "podResources 1 PodResources[]",
    PodResources: "name 1 string; namespace 2 string; containers 3 ContainerResources[]",
    ContainerResources: "name 1 string; devices 2 ContainerDevices[]",
    ContainerDevices: "resourceName 1 string; deviceIds 2 string[]",
  },
  enums: {},
  methods: ["PodResourcesLister List ListPodResourcesRequest ListPodResourcesResponse"],
});
