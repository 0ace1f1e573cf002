/** The group-versions that others serve, as the stored APIServices say. @module */
import type { APIService } from "#api/apiregistration/v1/types.gen";
import { groupVersionPath } from "#client";
import { apiServiceName, groupVersionOf, serviceOf } from "./api-service.ts";

/** Is served by this server whatever an APIService says: without it nobody could set things right. */
const ALWAYS_LOCAL = "apiregistration.k8s.io";

/** Bounded by the stored APIServices. */
export class Remotes {
  readonly #byName = new Map<string, APIService>();
  readonly #byPath = new Map<string, APIService>();

  get size(): number {
    return this.#byName.size;
  }

  get(name: string): APIService | undefined {
    return this.#byName.get(name);
  }

  all(): Iterable<APIService> {
    return this.#byName.values();
  }

  /** Takes an APIService as it now is. Returns true if it is one of a remote, or was. */
  observe(apiService: APIService, isDeleted: boolean): boolean {
    const { name } = apiService.metadata;
    const path = groupVersionPath(groupVersionOf(apiService));
    const isRemote =
      !isDeleted &&
      serviceOf(apiService) !== undefined &&
      apiService.spec?.group !== ALWAYS_LOCAL &&
      name === apiServiceName(groupVersionOf(apiService));
    if (isRemote) {
      this.#byName.set(name, apiService);
      this.#byPath.set(path, apiService);
      return true;
    }
    this.#byPath.delete(path);
    return this.#byName.delete(name);
  }

  /** Who answers a path: that of the group-version, or one below it. Asked for every request. */
  find(path: string): APIService | undefined {
    if (this.#byPath.size === 0) return undefined;
    return this.#byPath.get(prefixOf(path));
  }
}

/** `/apis/<group>/<version>` or `/api/<version>` of a path; "" when it has none. */
function prefixOf(path: string): string {
  const isCore = path.startsWith("/api/");
  if (!isCore && !path.startsWith("/apis/")) return "";
  let end = path.indexOf("/", isCore ? "/api/".length : "/apis/".length);
  if (!isCore && end >= 0) end = path.indexOf("/", end + 1);
  return end < 0 ? path : path.slice(0, end);
}
