/** OpenAPI: the API described for clients that validate, explain and generate. @module */
export { installedProse } from "./installed-prose.ts";
export type { Prose, ProseSource } from "./prose.ts";
export { openApiRoute, type OpenApiOptions } from "./routes.ts";
