/** Discovery: which groups, versions and resources the server has. @module */
export { discoveryPaths, discoveryRoute } from "./routes.ts";
export { apiResources, type ApiResource, type ApiSubresource } from "./api-resource.ts";
