/** CEL with the libraries and costs of Kubernetes: expressions from text to value. @module */
export { compile, uses, type Program } from "./compile.ts";
export { estimateCost, type Path, type SizeOfPath } from "./cost/static.ts";
export { newEnv, type CelEnv, type EnvOptions, type FindStruct, type StructFields } from "./env.ts";
export { fromJson, JsonMap, toJson } from "./json-values.ts";
export {
  AUTHORIZER_TYPE,
  authorizerValue,
  JSON_PATCH_FUNCTIONS,
  RESOURCE_CHECK_TYPE,
  requestResourceValue,
  type AskAuthorizer,
  type AuthorizerAnswer,
  type AuthorizerQuery,
} from "./library/authorizer.ts";
export { CostExceeded, Meter, PER_CALL_COST_MAX } from "./meter.ts";
export {
  declTypeOf,
  escapeName,
  REQUEST_BYTES_MAX,
  sizeIn,
  structsOf,
  type DeclType,
} from "./schema-types.ts";
export { CelIssues } from "./source-error.ts";
export { parseType } from "./type-text.ts";
export {
  BOOL,
  DYN,
  formatType,
  INT,
  listOf,
  mapOf,
  NULL,
  optionalOf,
  sameType,
  STRING,
  structOf,
  TIMESTAMP,
  type CelType,
} from "./types.ts";
export { CelError, MapValue, Optional, StructValue, typeOfValue, type CelValue } from "./values.ts";
