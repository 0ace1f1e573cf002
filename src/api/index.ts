/** Public surface of the API kinds: the built-in kinds, the scheme that finds them, and the facts of their fields. @module */
export { betaKinds, type UnservedKind } from "./beta-kinds.ts";
export { builtinKinds } from "./builtin-kinds.ts";
export { applyConstantDefaults } from "./defaulting.ts";
export * from "./facts.ts";
export { humanDuration, since } from "./printing/human-duration.ts";
export { newScheme, scheme, type Scheme } from "./scheme.ts";
