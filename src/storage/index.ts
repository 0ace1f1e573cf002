/** Public surface of storage. @module */
export * from "./store.ts";
export { KEY_BYTES_MAX, compareKeys, prefixEnd } from "./keys.ts";
export { openEtcdStore, type EtcdStoreOptions, type EtcdTls } from "./etcd/open-etcd-store.ts";
export { openLmdbStore, type LmdbStoreOptions } from "./lmdb/lmdb-store.ts";
export { openMemoryStore, type MemoryStoreOptions } from "./memory/memory-store.ts";
export { restoreSnapshot, saveSnapshot, type Restored, type StoreLocation } from "./snapshot/snapshot.ts";
export { SnapshotCorrupt, verifySnapshot, type SnapshotManifest } from "./snapshot/snapshot-file.ts";
