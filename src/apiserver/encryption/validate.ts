/** Judges an EncryptionConfiguration, in upstream's words. Pure. @module */
import { field, parseDuration, type StatusCause } from "#apimachinery";
import { parseGroupResource } from "./group-resource.ts";
import type {
  EncryptionConfiguration,
  Key,
  KMSConfiguration,
  ProviderConfiguration,
  ResourceConfiguration,
} from "./types.ts";

type Causes = readonly StatusCause[];

export const AES_KEY_BYTES: readonly number[] = [16, 24, 32];
const SECRETBOX_KEY_BYTES: readonly number[] = [32];
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
/** What has no object in the API. */
const INTERNAL = ["apiserveripinfo", "serviceipallocations", "servicenodeportallocations"];

/** `reload`: the file is read again when it changes, so names of KMS providers must differ in any case. */
export function validateEncryptionConfiguration(
  { resources = [] }: EncryptionConfiguration,
  reload: boolean,
): Causes {
  if (resources.length === 0) return [field.required("resources", "at least one resources is required")];
  const kmsNames = new Set<string>();
  return resources.flatMap((entry, i) => entryCauses(entry, `resources[${i}]`, kmsNames, reload));
}

function entryCauses(
  { resources = [], providers = [] }: ResourceConfiguration,
  path: string,
  kmsNames: Set<string>,
  reload: boolean,
): Causes {
  const [names, chain] = [`${path}.resources`, `${path}.providers`];
  return [
    ...(resources.length === 0 ? [field.required(names, `at least one ${names} is required`)] : []),
    ...overlapCauses(resources, names),
    ...resources.flatMap((name, i) => nameCauses(name, `${names}[${i}]`)),
    ...(providers.length === 0 ? [field.required(chain, `at least one ${chain} is required`)] : []),
    ...providers.flatMap((provider, i) => providerCauses(provider, `${chain}[${i}]`, kmsNames, reload)),
  ];
}

function overlapCauses(resources: readonly string[], path: string): Causes {
  const parsed = resources.map(parseGroupResource);
  let isDuplicate = false;
  let overlaps = false;
  for (const [i, a] of parsed.entries()) {
    for (const [j, b] of parsed.entries()) {
      if (i === j) continue;
      const isSame = a.group === b.group && a.resource === b.resource;
      if (isSame && !isDuplicate) isDuplicate = true;
      else if (a.group === "*" && a.resource === "*") overlaps = true;
      else if (a.group === b.group && (a.resource === "*" || b.resource === "*")) overlaps = true;
    }
  }
  return [
    ...(isDuplicate
      ? [field.invalid(path, resources, "the same resource cannot be specified multiple times")]
      : []),
    ...(overlaps
      ? [
          field.invalid(
            path,
            resources,
            "using overlapping resources such as 'secrets' and '*.' in the same resource list is not allowed as they will be masked",
          ),
        ]
      : []),
  ];
}

function nameCauses(name: string, path: string): Causes {
  const wrong = nameProblem(name);
  return wrong === undefined ? [] : [field.invalid(path, name, wrong)];
}

function nameProblem(name: string): string | undefined {
  const { group, resource } = parseGroupResource(name);
  if (name !== name.toLowerCase()) return "resource name should not contain capital letters";
  if (name === "*")
    return "use '*.' to encrypt all the resources from core API group or *.* to encrypt all resources";
  if (INTERNAL.includes(name)) return "resources which do not have REST API/s cannot be encrypted";
  if (group === "events.k8s.io")
    return "'*.events.k8s.io' objects are stored using the 'events' API group in etcd. Use 'events' instead in the config file";
  if (group === "extensions") return "'extensions' group has been removed and cannot be used for encryption";
  if (group === "*" && resource !== "*") return "encrypting the same resource across groups is not supported";
  return undefined;
}

function providerCauses(
  provider: ProviderConfiguration,
  path: string,
  kmsNames: Set<string>,
  reload: boolean,
): Causes {
  const { kms, aesgcm, aescbc, secretbox, identity } = provider;
  const count = [kms, aesgcm, aescbc, secretbox, identity].filter((each) => each !== undefined).length;
  const none =
    "provider does not contain any of the expected providers: KMS, AESGCM, AESCBC, Secretbox, Identity";
  const many =
    "more than one provider specified in a single element, should split into different list elements";
  const causes = [
    ...(count === 0 ? [field.invalid(path, "", none)] : []),
    ...(count > 1 ? [field.invalid(path, Object.keys(provider), many)] : []),
  ];
  if (kms !== undefined) {
    causes.push(...kmsCauses(kms, `${path}.kms`, kmsNames, reload));
    kmsNames.add(kms.name ?? "");
  } else if (aesgcm !== undefined)
    causes.push(...keysCauses(aesgcm.keys, `${path}.aesgcm.keys`, AES_KEY_BYTES));
  else if (aescbc !== undefined)
    causes.push(...keysCauses(aescbc.keys, `${path}.aescbc.keys`, AES_KEY_BYTES));
  else if (secretbox !== undefined)
    causes.push(...keysCauses(secretbox.keys, `${path}.secretbox.keys`, SECRETBOX_KEY_BYTES));
  return causes;
}

function keysCauses(keys: readonly Key[] = [], path: string, bytes: readonly number[]): Causes {
  if (keys.length === 0) return [field.required(path, "at least one keys is required")];
  return keys.flatMap((key, i) => keyCauses(key, `${path}[${i}]`, bytes));
}

/** A secret is never shown. */
function keyCauses({ name = "", secret = "" }: Key, path: string, bytes: readonly number[]): Causes {
  const causes = name === "" ? [field.required(`${path}.name`, "name is a mandatory field for a key")] : [];
  const at = `${path}.secret`;
  if (secret === "") return [...causes, field.required(at, "secret is a mandatory field for a key")];
  if (!BASE64.test(secret))
    return [...causes, field.invalid(at, "REDACTED", "secrets must be base64 encoded")];
  const { length } = Buffer.from(secret, "base64");
  if (bytes.includes(length)) return causes;
  const why = `secret is not of the expected length, got ${length}, expected one of [${bytes.join(" ")}]`;
  return [...causes, field.invalid(at, "REDACTED", why)];
}

function kmsCauses(
  { apiVersion = "v1", name = "", cachesize, endpoint = "", timeout = "3s" }: KMSConfiguration,
  path: string,
  names: ReadonlySet<string>,
  reload: boolean,
): Causes {
  const isV1 = apiVersion === "v1";
  const at = `${path}.name`;
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(endpoint)?.[1] ?? "";
  const badScheme = `unsupported scheme ${JSON.stringify(scheme)} for KMS provider, only unix is supported`;
  return [
    ...(name === "" ? [field.required(at, "name is a mandatory field for a provider")] : []),
    ...(!isV1 && name.includes(":")
      ? [field.invalid(at, name, `invalid KMS provider name ${name}, must not contain ':'`)]
      : []),
    ...((reload || !isV1) && names.has(name)
      ? [field.invalid(at, name, `duplicate KMS provider name ${name}, names must be unique`)]
      : []),
    ...(parseDuration(timeout) <= 0
      ? [field.invalid(`${path}.timeout`, timeout, "timeout should be a positive value")]
      : []),
    ...(endpoint === ""
      ? [field.invalid(`${path}.endpoint`, "", "endpoint is a mandatory field for a kms")]
      : scheme === "unix"
        ? []
        : [field.invalid(`${path}.endpoint`, endpoint, badScheme)]),
    ...(!isV1 && cachesize !== undefined
      ? [field.invalid(`${path}.cachesize`, cachesize, "cachesize is not supported in v2")]
      : []),
    ...(isV1 && cachesize === 0
      ? [
          field.invalid(
            `${path}.cachesize`,
            cachesize,
            "cachesize should be a positive value, or negative to disable",
          ),
        ]
      : []),
    ...(isV1 || apiVersion === "v2"
      ? []
      : [
          field.invalid(
            `${path}.apiVersion`,
            apiVersion,
            "unsupported apiVersion apiVersion for KMS provider, only v1 and v2 are supported",
          ),
        ]),
  ];
}
