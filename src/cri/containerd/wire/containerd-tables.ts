/** The parts of containerd's own API that CRI lacks: events, containers, content, images, leases, snapshots. @module */
import type { Tables } from "./schema.ts";

const TIMESTAMP = "seconds 1 int64; nanos 2 int32";
const ANY = "typeUrl 1 string; value 2 bytes";

export const containerdEvents: Tables = {
  package: "containerd.services.events.v1",
  messages: {
    SubscribeRequest: "filters 1 string[]",
    Envelope: "timestamp 1 Timestamp; namespace 2 string; topic 3 string; event 4 Any",
    Timestamp: TIMESTAMP,
    Any: ANY,
  },
  enums: {},
  methods: ["Events Subscribe SubscribeRequest Envelope stream"],
};

/** What an event's `Any` holds, by topic. */
export const containerdTypes: Tables = {
  package: "containerd.events",
  messages: {
    ContainerCreate: "id 1 string; image 2 string",
    ContainerDelete: "id 1 string",
    TaskStart: "containerId 1 string; pid 2 uint32",
    TaskExit: "containerId 1 string; id 2 string; pid 3 uint32; exitStatus 4 uint32",
    TaskDelete: "containerId 1 string; id 5 string",
  },
  enums: {},
  methods: [],
};

export const containerdContainers: Tables = {
  package: "containerd.services.containers.v1",
  messages: {
    GetContainerRequest: "id 1 string",
    GetContainerResponse: "container 1 Container",
    Container: "id 1 string",
  },
  enums: {},
  methods: ["Containers Get GetContainerRequest GetContainerResponse"],
};

export const containerdContent: Tables = {
  package: "containerd.services.content.v1",
  messages: {
    WriteContentRequest:
      "action 1 WriteAction; ref 2 string; total 3 int64; expected 4 string; offset 5 int64; data 6 bytes; labels 7 map",
    WriteContentResponse: "action 1 WriteAction; offset 4 int64; total 5 int64; digest 6 string",
    Info: "digest 1 string; size 2 int64; labels 5 map",
    ReadContentRequest: "digest 1 string; offset 2 int64; size 3 int64",
    ReadContentResponse: "offset 1 int64; data 2 bytes",
    UpdateRequest: "info 1 Info; updateMask 2 FieldMask",
    UpdateResponse: "info 1 Info",
    FieldMask: "paths 1 string[]",
  },
  enums: { WriteAction: "STAT WRITE COMMIT" },
  methods: [
    "Content Write WriteContentRequest WriteContentResponse stream",
    "Content Read ReadContentRequest ReadContentResponse stream",
    "Content Update UpdateRequest UpdateResponse",
  ],
};

export const containerdImages: Tables = {
  package: "containerd.services.images.v1",
  messages: {
    Image: "name 1 string; labels 2 map; target 3 Descriptor",
    Descriptor: "mediaType 1 string; digest 2 string; size 3 int64; annotations 5 map",
    GetImageRequest: "name 1 string",
    GetImageResponse: "image 1 Image",
    CreateImageRequest: "image 1 Image",
    CreateImageResponse: "image 1 Image",
    UpdateImageRequest: "image 1 Image; updateMask 2 FieldMask",
    UpdateImageResponse: "image 1 Image",
    FieldMask: "paths 1 string[]",
  },
  enums: {},
  methods: [
    "Images Get GetImageRequest GetImageResponse",
    "Images Create CreateImageRequest CreateImageResponse",
    "Images Update UpdateImageRequest UpdateImageResponse",
  ],
};

export const containerdLeases: Tables = {
  package: "containerd.services.leases.v1",
  messages: {
    Lease: "id 1 string; labels 3 map",
    CreateRequest: "id 1 string; labels 3 map",
    CreateResponse: "lease 1 Lease",
    DeleteRequest: "id 1 string; sync 2 bool",
    Empty: "",
  },
  enums: {},
  methods: ["Leases Create CreateRequest CreateResponse", "Leases Delete DeleteRequest Empty"],
};

export const containerdSnapshots: Tables = {
  package: "containerd.services.snapshots.v1",
  messages: {
    ViewSnapshotRequest: "snapshotter 1 string; key 2 string; parent 3 string; labels 4 map",
    MountsRequest: "snapshotter 1 string; key 2 string",
    MountsResponse: "mounts 1 Mount[]",
    Mount: "type 1 string; source 2 string; target 3 string; options 4 string[]",
    RemoveSnapshotRequest: "snapshotter 1 string; key 2 string",
    Empty: "",
  },
  enums: {},
  methods: [
    "Snapshots View ViewSnapshotRequest MountsResponse",
    "Snapshots Mounts MountsRequest MountsResponse",
    "Snapshots Remove RemoveSnapshotRequest Empty",
  ],
};
