/** Opens the store that the flags ask for: the embedded one, or an etcd cluster. @module */
import { openEtcdStore, openLmdbStore, type Store } from "#storage";

export interface StoreFlags {
  readonly dataDir: string;
  /** `http://10.0.0.1:2379,…`. */
  readonly etcdServers?: string;
}

export async function openStore({ dataDir, etcdServers }: StoreFlags): Promise<Store> {
  if (etcdServers === undefined) return openLmdbStore({ path: dataDir });
  return openEtcdStore({ endpoints: etcdServers.split(",") });
}
