/** The signatures on the cluster's public information, one for each bootstrap token. Pure. @module */
import type { ConfigMap } from "#api/core/v1/types.gen";
import { detachedSignature } from "#component-base";

const PREFIX = "jws-kubeconfig-";
const CONTENT = "kubeconfig";

export interface SigningToken {
  readonly id: string;
  readonly key: string;
}

/** The ConfigMap with exactly the signatures of these tokens; undefined: it has them. */
export function signClusterInfo(
  configMap: ConfigMap,
  tokens: readonly SigningToken[],
): ConfigMap | undefined {
  const content = configMap.data?.[CONTENT];
  if (content === undefined) return undefined;
  const others = Object.entries(configMap.data ?? {}).filter(([key]) => !key.startsWith(PREFIX));
  const signatures = tokens.map(({ id, key }) => [PREFIX + id, detachedSignature(content, id, key)] as const);
  const data = Object.fromEntries([...others, ...signatures]);
  const before = configMap.data ?? {};
  const isSame =
    Object.keys(data).length === Object.keys(before).length &&
    Object.entries(data).every(([key, value]) => before[key] === value);
  return isSame ? undefined : { ...configMap, data };
}
