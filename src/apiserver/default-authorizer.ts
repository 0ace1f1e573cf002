/** Who may do what when nobody says otherwise: nodes by what their pods need, everybody by RBAC. @module */
import type { PodCertificateRequest } from "#api/certificates/v1beta1/types.gen";
import type { PersistentVolume, PersistentVolumeClaim, Pod } from "#api/core/v1/types.gen";
import type { ResourceSlice } from "#api/resource/v1/types.gen";
import type { VolumeAttachment } from "#api/storage/v1/types.gen";
import {
  authorizerChain,
  bootstrapClusterRoles,
  nodeAuthorizer,
  nodeGraph,
  rbacAuthorizer,
  type AuthorizationModes,
  type RbacIndex,
} from "./authz/index.ts";
import type { Authorizer } from "./user-info.ts";
import type { WatchCache } from "./watchcache/watch-cache.ts";

export function defaultAuthorizer(
  watchCache: WatchCache,
  rbac: RbacIndex,
  authorization: AuthorizationModes | undefined,
): Authorizer {
  const find = (resource: string, key: string): unknown => watchCache.resource(resource).get(key)?.object;
  const graph = nodeGraph({
    *podsOf(node) {
      const pods = watchCache.resource("core/pods");
      for (const { object } of pods.list({ prefix: "", indexed: node })) {
        // Without an index the list is of all pods.
        if ((object as Pod).spec?.nodeName === node) yield object as Pod;
      }
    },
    claim: (namespace, name) =>
      find("core/persistentvolumeclaims", `${namespace}/${name}`) as PersistentVolumeClaim | undefined,
    volume: (name) => find("core/persistentvolumes", name) as PersistentVolume | undefined,
    slice: (name) => find("resource.k8s.io/resourceslices", name) as ResourceSlice | undefined,
    attachment: (name) => find("storage.k8s.io/volumeattachments", name) as VolumeAttachment | undefined,
    certificateRequest: (namespace, name) =>
      find("certificates.k8s.io/podcertificaterequests", `${namespace}/${name}`) as
        | PodCertificateRequest
        | undefined,
  });
  const role = bootstrapClusterRoles().find(({ metadata }) => metadata.name === "system:node");
  const builtIn = {
    node: nodeAuthorizer(graph, role?.rules ?? []),
    rbac: rbacAuthorizer(rbac),
  };
  return authorization?.build(builtIn) ?? authorizerChain([builtIn.node, builtIn.rbac]);
}
