/** The answer to what is not allowed, in the words that people know. @module */
import { forbidden, StatusError } from "#apimachinery";
import type { AuthorizationAttributes, Decision } from "../user-info.ts";

export function forbiddenError(attributes: AuthorizationAttributes, { reason }: Decision): StatusError {
  const { user, verb, isResourceRequest, path, group, resource, subresource, namespace, name } = attributes;
  const because = reason === undefined || reason === "" ? "" : `: ${reason}`;
  const who = `User ${JSON.stringify(user.name)} cannot ${verb}`;
  if (!isResourceRequest) {
    const message = `forbidden: ${who} path ${JSON.stringify(path)}${because}`;
    return new StatusError("Forbidden", message, { details: {} });
  }
  const full = subresource === "" ? resource : `${resource}/${subresource}`;
  const where = namespace === "" ? "at the cluster scope" : `in the namespace ${JSON.stringify(namespace)}`;
  const why = `${who} resource ${JSON.stringify(full)} in API group ${JSON.stringify(group)} ${where}${because}`;
  return forbidden({ group, resource }, name, why);
}
