/** Which transformer the values of a resource go through, as a configuration says. @module */
import { aesCbc, aesGcm } from "./aes.ts";
import { formatGroupResource, parseGroupResource } from "./group-resource.ts";
import type { TransformationMetrics } from "./metrics.ts";
import { identity, prefixTransformers, type PrefixTransformer, type Transformer } from "./transformer.ts";
import type { EncryptionConfiguration, Key, ProviderConfiguration } from "./types.ts";

/** Undefined: values of the resource are stored as they are. */
export type ResourceTransformers = (group: string, resource: string) => Transformer | undefined;

const ALL = "*.*";

/** Throws when a rule is hidden by an earlier one, or asks for what this server cannot do. */
export function resourceTransformers(
  { resources: entries = [] }: EncryptionConfiguration,
  metrics: TransformationMetrics,
): ResourceTransformers {
  const chains = new Map<string, PrefixTransformer[]>();
  for (const { resources = [], providers = [] } of entries) {
    const chain = providers.map(prefixTransformer);
    for (const text of resources) {
      const parsed = parseGroupResource(text);
      const name = formatGroupResource(parsed);
      for (const mask of [formatGroupResource({ group: parsed.group, resource: "*" }), ALL]) {
        if (chains.has(mask))
          throw new Error(
            `resource ${JSON.stringify(name)} is masked by earlier rule ${JSON.stringify(mask)}`,
          );
      }
      chains.set(name, [...(chains.get(name) ?? []), ...chain]);
    }
  }
  const found = new Map<string, Transformer | undefined>();
  return (group, resource) => {
    const own = formatGroupResource({ group, resource });
    if (found.has(own)) return found.get(own);
    const chain =
      chains.get(own) ?? chains.get(formatGroupResource({ group, resource: "*" })) ?? chains.get(ALL);
    const options = { noMatch: "no matching prefix found", metrics: { resource: own, all: metrics } };
    const transformer = chain && prefixTransformers(chain, options);
    found.set(own, transformer);
    return transformer;
  };
}

function prefixTransformer({ aesgcm, aescbc, secretbox, kms }: ProviderConfiguration): PrefixTransformer {
  if (aesgcm !== undefined) return keyed("k8s:enc:aesgcm:v1:", aesgcm.keys, aesGcm);
  if (aescbc !== undefined) return keyed("k8s:enc:aescbc:v1:", aescbc.keys, aesCbc);
  if (secretbox !== undefined) throw new Error("the secretbox provider is not supported; use aesgcm");
  if (kms !== undefined)
    throw new Error(
      `KMS provider ${JSON.stringify(kms.name)} is not supported; use aesgcm with keys of your own`,
    );
  return { prefix: "", transformer: identity };
}

function keyed(
  prefix: string,
  keys: readonly Key[] = [],
  cipher: (key: Buffer) => Transformer,
): PrefixTransformer {
  const transformers = keys.map(({ name = "", secret = "" }) => ({
    prefix: `${name}:`,
    transformer: cipher(Buffer.from(secret, "base64")),
  }));
  const noMatch = "no matching key was found for the provided AES transformer";
  return { prefix, transformer: prefixTransformers(transformers, { noMatch }) };
}
