/** A certificate signing request says who made it: the server writes that, not the client. @module */
import type { KubeObject } from "#apimachinery";
import { nothingBegun, type ResourceHooks } from "../resource-hooks.ts";

type Spec = Readonly<Record<string, unknown>>;

export const certificateRequestHooks: ResourceHooks = {
  beginCreate: (object, { user }) => {
    const { username: _username, uid: _uid, groups: _groups, extra: _extra, ...spec } = specOf(object);
    const requester = {
      username: user.name,
      groups: user.groups,
      ...(user.uid !== undefined && { uid: user.uid }),
      ...(user.extra !== undefined && { extra: user.extra }),
    };
    return Promise.resolve(nothingBegun({ ...object, spec: { ...spec, ...requester } } as KubeObject));
  },
};

function specOf(object: KubeObject): Spec {
  return (object as { spec?: Spec }).spec ?? {};
}
