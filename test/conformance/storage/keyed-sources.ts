/** ConfigMaps and Secrets as volumes, each by itself and projected: four ways to the same files. @module */
import { ConfigMaps } from "#api/core/v1/configmap";
import { Secrets } from "#api/core/v1/secret";
import type { ConfigMap, KeyToPath, Secret, Volume } from "#api/core/v1/types.gen";
import type { ContainersContext } from "../harness/index.ts";

export type Data = Readonly<Record<string, string>>;

export interface VolumeOptions {
  readonly items?: readonly KeyToPath[];
  readonly optional?: boolean;
  readonly defaultMode?: number;
}

export interface KeyedSource {
  /** As it stands in the official names. */
  readonly title: string;
  readonly create: (t: ContainersContext, name: string, data: Data, namespace?: string) => Promise<unknown>;
  readonly replace: (t: ContainersContext, name: string, data: Data) => Promise<unknown>;
  readonly remove: (t: ContainersContext, name: string) => Promise<void>;
  readonly volume: (volume: string, object: string, options?: VolumeOptions) => Volume;
}

export function newConfigMap(namespace: string, name: string, data: Data): ConfigMap {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace }, data };
}

export function newSecret(namespace: string, name: string, data: Data): Secret {
  const encoded = Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString("base64")]);
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name, namespace },
    data: Object.fromEntries(encoded),
  };
}

const configMaps: Omit<KeyedSource, "title" | "volume"> = {
  create: (t, name, data, namespace = t.namespace) =>
    t.client.create(ConfigMaps, newConfigMap(namespace, name, data), t.signal),
  replace: (t, name, data) => t.client.update(ConfigMaps, newConfigMap(t.namespace, name, data), t.signal),
  remove: (t, name) => t.client.delete(ConfigMaps, { namespace: t.namespace, name }, t.signal),
};

const secrets: Omit<KeyedSource, "title" | "volume"> = {
  create: (t, name, data, namespace = t.namespace) =>
    t.client.create(Secrets, newSecret(namespace, name, data), t.signal),
  replace: (t, name, data) => t.client.update(Secrets, newSecret(t.namespace, name, data), t.signal),
  remove: (t, name) => t.client.delete(Secrets, { namespace: t.namespace, name }, t.signal),
};

export const CONFIG_MAP: KeyedSource = {
  ...configMaps,
  title: "ConfigMap",
  volume: (name, object, options) => ({ name, configMap: { name: object, ...options } }),
};

export const SECRET: KeyedSource = {
  ...secrets,
  title: "Secrets",
  volume: (name, object, options) => ({ name, secret: { secretName: object, ...options } }),
};

export const PROJECTED_CONFIG_MAP: KeyedSource = {
  ...configMaps,
  title: "Projected configMap",
  volume: (name, object, { defaultMode, ...source } = {}) => ({
    name,
    projected: {
      sources: [{ configMap: { name: object, ...source } }],
      ...(defaultMode !== undefined && { defaultMode }),
    },
  }),
};

export const PROJECTED_SECRET: KeyedSource = {
  ...secrets,
  title: "Projected secret",
  volume: (name, object, { defaultMode, ...source } = {}) => ({
    name,
    projected: {
      sources: [{ secret: { name: object, ...source } }],
      ...(defaultMode !== undefined && { defaultMode }),
    },
  }),
};
