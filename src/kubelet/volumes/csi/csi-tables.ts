/** The parts of the Container Storage Interface v1 that kubelet and the tests' driver speak: names, numbers, types. @module */
import { createSchema, type Schema, type Tables } from "#cri";

const csiTables: Tables = {
  package: "csi.v1",
  messages: {
    Empty: "",
    BoolValue: "value 1 bool",
    GetPluginInfoResponse: "name 1 string; vendorVersion 2 string; manifest 3 map",
    GetPluginCapabilitiesResponse: "capabilities 1 PluginCapability[]",
    PluginCapability: "service 1 PluginService; volumeExpansion 2 PluginVolumeExpansion",
    PluginService: "type 1 PluginServiceType",
    PluginVolumeExpansion: "type 1 PluginVolumeExpansionType",
    ProbeResponse: "ready 1 BoolValue",

    VolumeCapability: "block 1 BlockVolume; mount 2 MountVolume; accessMode 3 AccessMode",
    BlockVolume: "",
    MountVolume: "fsType 1 string; mountFlags 2 string[]; volumeMountGroup 3 string",
    AccessMode: "mode 1 AccessModeName",
    CapacityRange: "requiredBytes 1 int64; limitBytes 2 int64",
    Topology: "segments 1 map",
    TopologyRequirement: "requisite 1 Topology[]; preferred 2 Topology[]",
    Volume: "capacityBytes 1 int64; volumeId 2 string; volumeContext 3 map; accessibleTopology 5 Topology[]",

    CreateVolumeRequest:
      "name 1 string; capacityRange 2 CapacityRange; volumeCapabilities 3 VolumeCapability[]; parameters 4 map; secrets 5 map; accessibilityRequirements 7 TopologyRequirement",
    CreateVolumeResponse: "volume 1 Volume",
    DeleteVolumeRequest: "volumeId 1 string; secrets 2 map",
    ControllerPublishVolumeRequest:
      "volumeId 1 string; nodeId 2 string; volumeCapability 3 VolumeCapability; readonly 4 bool; secrets 5 map; volumeContext 6 map",
    ControllerPublishVolumeResponse: "publishContext 1 map",
    ControllerUnpublishVolumeRequest: "volumeId 1 string; nodeId 2 string; secrets 3 map",
    ControllerExpandVolumeRequest:
      "volumeId 1 string; capacityRange 2 CapacityRange; secrets 3 map; volumeCapability 4 VolumeCapability",
    ControllerExpandVolumeResponse: "capacityBytes 1 int64; nodeExpansionRequired 2 bool",
    ControllerGetCapabilitiesResponse: "capabilities 1 ControllerServiceCapability[]",
    ControllerServiceCapability: "rpc 1 ControllerRPC",
    ControllerRPC: "type 1 ControllerRPCType",

    NodeStageVolumeRequest:
      "volumeId 1 string; publishContext 2 map; stagingTargetPath 3 string; volumeCapability 4 VolumeCapability; secrets 5 map; volumeContext 6 map",
    NodeUnstageVolumeRequest: "volumeId 1 string; stagingTargetPath 2 string",
    NodePublishVolumeRequest:
      "volumeId 1 string; publishContext 2 map; stagingTargetPath 3 string; targetPath 4 string; volumeCapability 5 VolumeCapability; readonly 6 bool; secrets 7 map; volumeContext 8 map",
    NodeUnpublishVolumeRequest: "volumeId 1 string; targetPath 2 string",
    NodeGetVolumeStatsRequest: "volumeId 1 string; volumePath 2 string; stagingTargetPath 3 string",
    NodeGetVolumeStatsResponse: "usage 1 VolumeUsage[]; volumeCondition 2 VolumeCondition",
    VolumeUsage: "available 1 int64; total 2 int64; used 3 int64; unit 4 Unit",
    VolumeCondition: "abnormal 1 bool; message 2 string",
    NodeGetCapabilitiesResponse: "capabilities 1 NodeServiceCapability[]",
    NodeServiceCapability: "rpc 1 NodeRPC",
    NodeRPC: "type 1 NodeRPCType",
    NodeGetInfoResponse: "nodeId 1 string; maxVolumesPerNode 2 int64; accessibleTopology 3 Topology",
    NodeExpandVolumeRequest:
      "volumeId 1 string; volumePath 2 string; capacityRange 3 CapacityRange; stagingTargetPath 4 string; volumeCapability 5 VolumeCapability; secrets 6 map",
    NodeExpandVolumeResponse: "capacityBytes 1 int64",
  },
  enums: {
    PluginServiceType: "UNKNOWN CONTROLLER_SERVICE VOLUME_ACCESSIBILITY_CONSTRAINTS GROUP_CONTROLLER_SERVICE",
    PluginVolumeExpansionType: "UNKNOWN ONLINE OFFLINE",
    AccessModeName:
      "UNKNOWN SINGLE_NODE_WRITER SINGLE_NODE_READER_ONLY MULTI_NODE_READER_ONLY MULTI_NODE_SINGLE_WRITER MULTI_NODE_MULTI_WRITER SINGLE_NODE_SINGLE_WRITER SINGLE_NODE_MULTI_WRITER",
    ControllerRPCType:
      "UNKNOWN CREATE_DELETE_VOLUME PUBLISH_UNPUBLISH_VOLUME LIST_VOLUMES GET_CAPACITY CREATE_DELETE_SNAPSHOT LIST_SNAPSHOTS CLONE_VOLUME PUBLISH_READONLY EXPAND_VOLUME LIST_VOLUMES_PUBLISHED_NODES VOLUME_CONDITION GET_VOLUME SINGLE_NODE_MULTI_WRITER",
    Unit: "UNKNOWN BYTES INODES",
    NodeRPCType:
      "UNKNOWN STAGE_UNSTAGE_VOLUME GET_VOLUME_STATS EXPAND_VOLUME VOLUME_CONDITION SINGLE_NODE_MULTI_WRITER VOLUME_MOUNT_GROUP",
  },
  methods: [
    "Identity GetPluginInfo Empty GetPluginInfoResponse",
    "Identity GetPluginCapabilities Empty GetPluginCapabilitiesResponse",
    "Identity Probe Empty ProbeResponse",
    "Controller CreateVolume CreateVolumeRequest CreateVolumeResponse",
    "Controller DeleteVolume DeleteVolumeRequest Empty",
    "Controller ControllerPublishVolume ControllerPublishVolumeRequest ControllerPublishVolumeResponse",
    "Controller ControllerUnpublishVolume ControllerUnpublishVolumeRequest Empty",
    "Controller ControllerExpandVolume ControllerExpandVolumeRequest ControllerExpandVolumeResponse",
    "Controller ControllerGetCapabilities Empty ControllerGetCapabilitiesResponse",
    "Node NodeStageVolume NodeStageVolumeRequest Empty",
    "Node NodeUnstageVolume NodeUnstageVolumeRequest Empty",
    "Node NodePublishVolume NodePublishVolumeRequest Empty",
    "Node NodeUnpublishVolume NodeUnpublishVolumeRequest Empty",
    "Node NodeGetVolumeStats NodeGetVolumeStatsRequest NodeGetVolumeStatsResponse",
    "Node NodeExpandVolume NodeExpandVolumeRequest NodeExpandVolumeResponse",
    "Node NodeGetCapabilities Empty NodeGetCapabilitiesResponse",
    "Node NodeGetInfo Empty NodeGetInfoResponse",
  ],
};

export const csi: Schema = createSchema(csiTables);
