/** The plugin of a volume as metrics name it. Pure. @module */
import type { VolumeSpec } from "./volume-spec.ts";

const PLUGINS: Readonly<Record<string, string>> = {
  emptyDir: "empty-dir",
  hostPath: "host-path",
  configMap: "configmap",
  secret: "secret",
  projected: "projected",
  downwardAPI: "downward-api",
  nfs: "nfs",
  image: "image",
  local: "local-volume",
};

/** CSI volumes carry the name of their driver too. */
export function pluginName({ volume, persistent }: Pick<VolumeSpec, "volume" | "persistent">): string {
  const source: object = persistent?.spec ?? volume;
  const driver = persistent?.spec?.csi?.driver ?? (persistent === undefined ? volume.csi?.driver : undefined);
  if (driver !== undefined) return `kubernetes.io/csi:${driver}`;
  const type = Object.keys(PLUGINS).find((name) => Object.hasOwn(source, name));
  return type === undefined ? "N/A" : `kubernetes.io/${PLUGINS[type]}`;
}
