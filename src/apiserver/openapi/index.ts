/** OpenAPI: the API described for clients that validate, explain and generate. @module */
export { installedProse } from "./installed-prose.ts";
export { openApiRoute } from "./routes.ts";
