/** Opens an etcd store; only then is the gRPC library loaded, which nobody else needs. @module */
import type { Store } from "../store.ts";
import type { EtcdStoreOptions } from "./etcd-store.ts";

export type { EtcdStoreOptions, EtcdTls } from "./etcd-store.ts";

/** Resolves when one of the endpoints has answered. */
export async function openEtcdStore(options: EtcdStoreOptions): Promise<Store> {
  const store = await import("./etcd-store.ts");
  return store.openEtcdStore(options);
}
