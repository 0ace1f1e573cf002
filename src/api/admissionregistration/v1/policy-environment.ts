/** What expressions about admission see besides the objects: the request and the namespace. @module */
import {
  AUTHORIZER_TYPE,
  DYN,
  INT,
  BOOL,
  JSON_PATCH_FUNCTIONS,
  listOf,
  mapOf,
  newEnv,
  RESOURCE_CHECK_TYPE,
  STRING,
  structOf,
  TIMESTAMP,
  type CelEnv,
  type CelType,
  type StructFields,
} from "#apimachinery/cel";

type Fields = Readonly<Record<string, CelType>>;

const STRINGS = listOf(STRING);
const KIND = structOf("kubernetes.GroupVersionKind");
const RESOURCE = structOf("kubernetes.GroupVersionResource");
const USER = structOf("kubernetes.UserInfo");
const REQUEST = structOf("kubernetes.AdmissionRequest");
const NAMESPACE = structOf("kubernetes.Namespace");
const METADATA = structOf("kubernetes.NamespaceMetadata");
const SPEC = structOf("kubernetes.NamespaceSpec");
const STATUS = structOf("kubernetes.NamespaceStatus");
const CONDITION = structOf("kubernetes.NamespaceCondition");
const VARIABLES = structOf("kubernetes.variables");

const STRUCTS: Readonly<Record<string, Fields>> = {
  [KIND.name]: { group: STRING, version: STRING, kind: STRING },
  [RESOURCE.name]: { group: STRING, version: STRING, resource: STRING },
  [USER.name]: { username: STRING, uid: STRING, groups: STRINGS, extra: mapOf(STRING, STRINGS) },
  [REQUEST.name]: {
    kind: KIND,
    resource: RESOURCE,
    subResource: STRING,
    requestKind: KIND,
    requestResource: RESOURCE,
    requestSubResource: STRING,
    name: STRING,
    namespace: STRING,
    operation: STRING,
    userInfo: USER,
    dryRun: BOOL,
    options: DYN,
  },
  [NAMESPACE.name]: { metadata: METADATA, spec: SPEC, status: STATUS },
  [METADATA.name]: {
    name: STRING,
    generateName: STRING,
    namespace: STRING,
    labels: mapOf(STRING, STRING),
    annotations: mapOf(STRING, STRING),
    UID: STRING,
    creationTimestamp: TIMESTAMP,
    deletionGracePeriodSeconds: INT,
    deletionTimestamp: TIMESTAMP,
    generation: INT,
    resourceVersion: STRING,
    finalizers: STRINGS,
  },
  [SPEC.name]: { finalizers: STRINGS },
  [STATUS.name]: { conditions: listOf(CONDITION), phase: STRING },
  [CONDITION.name]: {
    status: STRING,
    type: STRING,
    lastTransitionTime: TIMESTAMP,
    message: STRING,
    reason: STRING,
  },
};

/** The type of what a mutation with ApplyConfiguration gives. */
export const OBJECT_TYPE: CelType = structOf("Object");
/** One operation of a mutation with JSONPatch. */
export const JSON_PATCH_TYPE: CelType = structOf("JSONPatch");
const JSON_PATCH: Fields = { op: STRING, path: STRING, from: STRING, value: DYN };
/** Of `Object{…}` and everything below it: any field, of any type. */
const ANY_FIELD: StructFields = { field: () => DYN };

/** A type of objects, and how the types below it are found. */
export interface KnownType {
  readonly type: CelType;
  readonly structs: ReadonlyMap<string, StructFields>;
}

export interface AdmissionEnvOptions {
  readonly hasParams: boolean;
  readonly hasAuthorizer: boolean;
  /** `Object{}` and `JSONPatch{}` can be made. */
  readonly hasPatchTypes: boolean;
  /** Of `variables`, so far; undefined where there is no such thing. */
  readonly variables: ReadonlyMap<string, CelType> | undefined;
  /** Of `object` and `oldObject`, where it is known; dyn otherwise. */
  readonly object?: KnownType | undefined;
  readonly params?: KnownType | undefined;
}

export function admissionEnv(options: AdmissionEnvOptions): CelEnv {
  const { hasParams, hasAuthorizer, hasPatchTypes, variables, object, params } = options;
  const findStruct = (name: string): StructFields | undefined => {
    const known = object?.structs.get(name) ?? params?.structs.get(name);
    if (known !== undefined) return known;
    if (name === VARIABLES.name && variables !== undefined) return { field: (field) => variables.get(field) };
    if (hasPatchTypes && (name === OBJECT_TYPE.name || name.startsWith(`${OBJECT_TYPE.name}.`)))
      return ANY_FIELD;
    const fields = name === JSON_PATCH_TYPE.name ? (hasPatchTypes ? JSON_PATCH : undefined) : STRUCTS[name];
    return fields === undefined || !isOwn(name, fields)
      ? undefined
      : { field: (field) => own(fields, field) };
  };
  return newEnv({
    variables: {
      object: object?.type ?? DYN,
      oldObject: object?.type ?? DYN,
      namespaceObject: NAMESPACE,
      request: REQUEST,
      ...(variables !== undefined && { variables: VARIABLES }),
      ...(hasParams && { params: params?.type ?? DYN }),
      ...(hasAuthorizer && {
        authorizer: AUTHORIZER_TYPE,
        "authorizer.requestResource": RESOURCE_CHECK_TYPE,
      }),
    },
    findStruct,
    functions: hasPatchTypes ? JSON_PATCH_FUNCTIONS : [],
  });
}

function isOwn(name: string, fields: Fields): boolean {
  return fields === JSON_PATCH || Object.hasOwn(STRUCTS, name);
}

function own(fields: Fields, name: string): CelType | undefined {
  return Object.hasOwn(fields, name) ? fields[name] : undefined;
}
