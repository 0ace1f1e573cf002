/** CustomResourceDefinitions: what they define becomes part of the API. @module */
export { conversionWebhook } from "./conversion-webhook.ts";
export { CustomResources, DEFINITIONS } from "./custom-resources.ts";
export { definitionHooks } from "./hooks.ts";
