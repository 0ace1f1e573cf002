/** CustomResourceDefinitions: what they define becomes part of the API. @module */
export { CustomResources, DEFINITIONS } from "./custom-resources.ts";
export { definitionHooks } from "./hooks.ts";
