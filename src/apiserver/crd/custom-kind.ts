/** The kinds that a CustomResourceDefinition adds: one for each version it serves. Pure. @module */
import {
  apiVersionOf,
  type JsonObject,
  type Kind,
  type KubeObject,
  type StatusCause,
  type Strategy,
} from "#apimachinery";
import type {
  CustomResourceDefinition,
  CustomResourceDefinitionVersion,
  CustomResourceSubresourceScale,
  JSONSchemaProps,
} from "#api/apiextensions/v1/types.gen";
import { invalid } from "#apimachinery";
import { once } from "../once.ts";
import type { CustomKind, CustomResource, ScalePaths } from "../registry/custom-kind.ts";
import { applySchemaOf } from "./apply-schema.ts";
import { compileRules, type CelRules } from "./cel/rules.ts";
import { columnsOf } from "./columns.ts";
import { isConditionTrue } from "./conditions.ts";
import { asksWebhook, convertTo, isAlwaysCurrent, readerOf, type Versions } from "./conversion.ts";
import type { ConversionWebhook } from "./conversion-webhook.ts";
import { withDefaults } from "./defaulting.ts";
import { parseJsonPath } from "./json-path.ts";
import { openApiSchema } from "./openapi-schema.ts";
import { pruneObject } from "./prune.ts";
import { structuralOf, type Structural } from "./structural.ts";
import { validateCustom, type Validated, type ValidatorParts } from "./validator.ts";

/** A version without a schema, from before they were asked for, keeps whatever it is given. */
const OPEN: JSONSchemaProps = { type: "object", "x-kubernetes-preserve-unknown-fields": true };

/** The served versions; none while the names of the definition are not accepted. Schemas are compiled on first use. */
export function customKindsOf(
  crd: CustomResourceDefinition,
  webhook: ConversionWebhook,
): readonly CustomKind[] {
  if (!isConditionTrue(crd, "Established")) return [];
  const storage = crd.spec.versions.find((version) => version.storage);
  if (storage === undefined) return [];
  const schemas = new Map(
    crd.spec.versions.map((version) => [version.name, once(() => schemaOfVersion(crd, version))]),
  );
  const versions: Versions = {
    crd,
    webhook,
    schemaOf: (apiVersion) => schemas.get(apiVersion.slice(apiVersion.indexOf("/") + 1))?.(),
  };
  const stored = customKind(versions, storage, undefined);
  return crd.spec.versions
    .filter((version) => version.served)
    .map((version) => (version === storage ? stored : customKind(versions, version, stored)));
}

function schemaOfVersion(
  crd: CustomResourceDefinition,
  version: CustomResourceDefinitionVersion,
): Structural {
  const schema = structuralOf(version.schema?.openAPIV3Schema ?? OPEN);
  return crd.spec.preserveUnknownFields === true ? { ...schema, preservesUnknown: true } : schema;
}

/** `stored`: the kind of the storage version; undefined when this is it. */
function customKind(
  versions: Versions,
  version: CustomResourceDefinitionVersion,
  stored: CustomKind | undefined,
): CustomKind {
  const { crd } = versions;
  const { group, scope } = crd.spec;
  const names = crd.status?.acceptedNames ?? crd.spec.names;
  const parts = partsOf(versions, version);
  const validate = remembering((object, old) => validateCustom(object, old, parts()));
  const hasStatus = version.subresources?.status !== undefined;
  const kind: Kind = {
    group,
    version: version.name,
    kind: names.kind,
    names: {
      plural: names.plural,
      singular: names.singular ?? "",
      listKind: names.listKind ?? `${names.kind}List`,
      ...((names.shortNames ?? []).length > 0 && { short: names.shortNames! }),
      ...((names.categories ?? []).length > 0 && { categories: names.categories! }),
    },
    scope: scope === "Cluster" ? "Cluster" : "Namespaced",
    subresources: [
      ...(hasStatus ? ["status"] : []),
      ...(version.subresources?.scale === undefined ? [] : ["scale"]),
    ],
    ...rulesOf(validate),
    strategy: strategyOf(validate),
    selectableFields: selectableFieldsOf(version),
    columns: columnsOf(version.additionalPrinterColumns),
  };
  const custom = customResource(versions, version, stored, validate);
  const made: { -readonly [K in keyof CustomKind]: CustomKind[K] } = { ...kind, custom: undefined as never };
  made.custom = Object.defineProperty(custom, "stored", {
    value: stored ?? made,
    enumerable: true,
  }) as CustomResource;
  return made;
}

function partsOf(versions: Versions, version: CustomResourceDefinitionVersion): () => ValidatorParts {
  const apiVersion = apiVersionOf({ group: versions.crd.spec.group, version: version.name });
  const scale = scaleOf(version.subresources?.scale);
  return once(() => {
    const schema = versions.schemaOf(apiVersion)!;
    const rules: CelRules = compileRules(schema);
    return { schema, rules, scale };
  });
}

/** A rule of an update sees both states; the one for creates must not refuse what only the update knows to be unchanged. */
function rulesOf(
  validate: (object: KubeObject, old?: KubeObject) => Validated,
): Pick<Kind, "validateCreate" | "validateUpdate" | "validateStatusUpdate"> {
  const causes = (object: KubeObject, old?: KubeObject): readonly StatusCause[] =>
    validate(object, old).causes;
  return {
    validateCreate: (object) => causes(object),
    validateUpdate: causes,
    validateStatusUpdate: causes,
  };
}

function strategyOf(validate: (object: KubeObject, old?: KubeObject) => Validated): Strategy<KubeObject> {
  return {
    allowUnconditionalUpdate: false,
    warnings: (object, old) => (old === undefined ? [] : validate(object, old).warnings),
    // Nothing but the status changes through its subresource, not even labels.
    prepareForStatusUpdate: (object, old) => {
      const { managedFields } = object.metadata;
      const metadata = { ...old.metadata, ...(managedFields !== undefined && { managedFields }) };
      return { ...object, metadata };
    },
  };
}

function customResource(
  versions: Versions,
  version: CustomResourceDefinitionVersion,
  stored: CustomKind | undefined,
  validate: (object: KubeObject) => Validated,
): Omit<CustomResource, "stored"> {
  const { crd } = versions;
  const { name } = version;
  const { group, names } = crd.spec;
  const schema = (): Structural => versions.schemaOf(apiVersionOf({ group, version: name }))!;
  const apply = once(() => applySchemaOf(names.kind, schema()));
  const scale = scaleOf(version.subresources?.scale);
  const isCurrent = stored === undefined && isAlwaysCurrent(crd, name);
  const check = (object: KubeObject): void => {
    const { causes } = validate(object);
    if (causes.length > 0) throw invalid({ group, kind: names.kind }, object.metadata.name ?? "", causes);
  };
  const toStored = (object: KubeObject): KubeObject => {
    check(object);
    return convertTo(crd, object, stored!.version);
  };
  const reader = isCurrent ? undefined : readerOf(versions, name);
  const conversion =
    reader === undefined || !asksWebhook(crd)
      ? undefined
      : {
          read: reader.readAll,
          write: async (object: KubeObject, signal: AbortSignal) => {
            if (stored === undefined) return object;
            check(object);
            return (await versions.webhook(crd, [object], stored.version, signal))[0]!;
          },
        };
  return {
    listKind: names.listKind ?? `${names.kind}List`,
    get schema() {
      return apply();
    },
    prune: (object) => {
      const pruned = pruneObject(object as unknown as JsonObject, schema());
      return { object: pruned.object as unknown as KubeObject, unknownFields: pruned.unknownFields };
    },
    applyDefaults: (object) =>
      withDefaults(object as unknown as JsonObject, schema()) as unknown as KubeObject,
    ...(stored !== undefined && { toStored }),
    ...(reader !== undefined && { fromStored: reader.read }),
    ...(conversion !== undefined && { conversion }),
    ...(scale !== undefined && { scale }),
    ...(version.deprecated === true && {
      deprecationWarning: version.deprecationWarning ?? `${group}/${name} ${names.kind} is deprecated`,
    }),
    openApi: (dialect) => openApiSchema(version.schema?.openAPIV3Schema ?? OPEN, dialect),
    isTerminating: isConditionTrue(crd, "Terminating"),
    fingerprint: `${crd.metadata.uid ?? ""} ${crd.metadata.generation ?? 0}`,
  };
}

function selectableFieldsOf(
  version: CustomResourceDefinitionVersion,
): Readonly<Record<string, (object: KubeObject) => string>> {
  return Object.fromEntries(
    (version.selectableFields ?? []).map(({ jsonPath }) => {
      const path = parseJsonPath(jsonPath);
      return [jsonPath.replace(/^\./, ""), (object: KubeObject) => textOf(path(object)[0])];
    }),
  );
}

function textOf(value: unknown): string {
  if (value === undefined || value === null) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** `.spec.replicas` as keys. */
function keys(path: string): readonly string[] {
  return path.split(".").slice(1);
}

function scaleOf(scale: CustomResourceSubresourceScale | undefined): ScalePaths | undefined {
  if (scale === undefined) return undefined;
  return {
    specReplicas: keys(scale.specReplicasPath),
    statusReplicas: keys(scale.statusReplicasPath),
    ...(scale.labelSelectorPath && { labelSelector: keys(scale.labelSelectorPath) }),
  };
}

type Validate = (object: KubeObject, old?: KubeObject) => Validated;

/** Causes and warnings of one write are asked for one after the other. */
function remembering(validate: Validate): Validate {
  const known = new WeakMap<
    KubeObject,
    { readonly old: KubeObject | undefined; readonly result: Validated }
  >();
  return (object, old) => {
    const before = known.get(object);
    if (before !== undefined && before.old === old) return before.result;
    const result = validate(object, old);
    known.set(object, { old, result });
    return result;
  };
}
