/** All operations of a group-version, and those of discovery itself. @module */
import { definitionOfKind } from "./definitions.ts";
import type { Scheme } from "#api";
import { apiResources } from "../discovery/index.ts";
import { documentName, groupTag, groupVersionTag, groupVersionWord, groupWord } from "./names.ts";
import { OBJECT_TYPES, type Operation } from "./operation.ts";
import { resourceOperations, responsesOf } from "./resource-operations.ts";
import { subresourceOperations } from "./subresource-operations.ts";

const META = "io.k8s.apimachinery.pkg.apis.meta.v1";

export function groupVersionOperations(scheme: Scheme, group: string, version: string): readonly Operation[] {
  const gv = { group, version };
  const own = apiResources(scheme, group, version)
    // A kind without a definition has nothing that could be described.
    .filter(({ kind }) => definitionOfKind(kind) !== undefined)
    .flatMap((resource) => [...resourceOperations(resource), ...subresourceOperations(resource)]);
  return [
    discovery(
      `/${documentName(gv)}/`,
      `get${groupVersionWord(gv)}APIResources`,
      groupVersionTag(gv),
      "get available resources",
      "APIResourceList",
    ),
    ...own,
  ];
}

/** `/apis/<group>/`. */
export function groupOperations(group: string): readonly Operation[] {
  const id = `get${groupWord(group)}APIGroup`;
  return [discovery(`/apis/${group}/`, id, groupTag(group), "get information of a group", "APIGroup")];
}

/** `/api/` and `/apis/`. */
export function rootOperations(root: "api" | "apis"): readonly Operation[] {
  const text = "get available API versions";
  return root === "api"
    ? [discovery("/api/", "getCoreAPIVersions", "core", text, "APIVersions")]
    : [discovery("/apis/", "getAPIVersions", "apis", text, "APIGroupList")];
}

export function versionOperations(): readonly Operation[] {
  const shape = discovery(
    "/version/",
    "getCodeVersion",
    "version",
    "get the version information for this server",
    "",
  );
  const responses = responsesOf({ 200: "io.k8s.apimachinery.pkg.version.Info" });
  return [{ ...shape, responses, produces: ["application/json"] }];
}

function discovery(path: string, id: string, tag: string, description: string, kind: string): Operation {
  const responses = responsesOf({ 200: `${META}.${kind}` });
  return { path, method: "get", id, tag, description, parameters: [], responses, produces: OBJECT_TYPES };
}
