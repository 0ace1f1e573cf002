/** `serviceaccounts/token`: a TokenRequest is answered with a token. @module */
import {
  badRequest,
  conflict,
  field,
  formatTime,
  invalid,
  notFound,
  StatusError,
  type KubeObject,
} from "#apimachinery";
import type { BoundObjectReference, TokenRequest } from "#api/authentication/v1/types.gen";
import type { Pod } from "#api/core/v1/types.gen";
import { admitCreate } from "../handlers/admit-subresource.ts";
import type { ResourceRequest } from "../handlers/handler-context.ts";
import type { Result } from "../handlers/request.ts";
import type { SubresourceHandlers } from "../handlers/subresources.ts";
import type { TokenIssuer, TokenRequestInfo } from "../registry/token-issuer.ts";
import { answer, decodeForeign } from "./foreign-kind.ts";

const TOKEN_REQUEST = { group: "authentication.k8s.io", version: "v1", kind: "TokenRequest" };
const DEFAULT_SECONDS = 3600;
const SECONDS_MIN = 600;
const SECONDS_MAX = 2 ** 32;
/** Of the audit event: which token was given, as the events of its use name it. */
const ISSUED_CREDENTIAL_ID = "authentication.kubernetes.io/issued-credential-id";

export function tokenHandlers(issuer: TokenIssuer): SubresourceHandlers {
  return { create: (routed) => handleToken(routed, issuer) };
}

async function handleToken(routed: ResourceRequest, issuer: TokenIssuer): Promise<Result> {
  const { request, info, served } = routed;
  const sent = (await decodeForeign(request, TOKEN_REQUEST)) as TokenRequest;
  const asked = await admitCreate(routed, TOKEN_REQUEST, sent, false);
  checkNames(asked, info);
  const account = (await served.store.get(info.namespace, info.name)).object;
  const uid = account.metadata.uid ?? "";
  if (asked.metadata.uid !== undefined && asked.metadata.uid !== "" && asked.metadata.uid !== uid) {
    const why = `the UID in the token request (${asked.metadata.uid}) does not match the UID of the service account (${uid})`;
    throw conflict({ group: TOKEN_REQUEST.group, resource: TOKEN_REQUEST.kind }, info.name, why);
  }
  const {
    expirationSeconds: wanted = DEFAULT_SECONDS,
    audiences: named = [],
    boundObjectRef,
  } = asked.spec ?? {};
  validate(wanted);
  const bound = boundObjectRef && (await findBound(routed, boundObjectRef));
  const { maxExpirationSeconds: max = wanted } = issuer;
  const expirationSeconds = Math.min(wanted, max);
  if (wanted > max) request.warn(`requested expiration of ${wanted} seconds shortened to ${max} seconds`);
  const audiences = named.length > 0 ? named : issuer.defaultAudiences;
  const { token, expiresAt, credentialId } = await issuer.issue({
    namespace: info.namespace,
    serviceAccount: { name: info.name, uid },
    audiences,
    expirationSeconds,
    ...bound,
  });
  if (credentialId !== undefined) request.audit?.addAuditAnnotation(ISSUED_CREDENTIAL_ID, credentialId);
  return answer(request, 201, {
    ...asked,
    metadata: {
      name: info.name,
      namespace: info.namespace,
      uid,
      creationTimestamp: formatTime(routed.context.clock.now()),
    },
    spec: { ...asked.spec, audiences, expirationSeconds },
    status: { token, expirationTimestamp: formatTime(expiresAt) },
  });
}

/** The body may leave out whom the path names, and name nobody else. */
function checkNames(
  { metadata }: TokenRequest,
  info: { readonly name: string; readonly namespace: string },
): void {
  for (const name of ["name", "namespace"] as const) {
    const given = metadata[name] ?? "";
    if (given === "" || given === info[name]) continue;
    const why = `must match the service account ${name} if specified`;
    throw invalid(TOKEN_REQUEST, info.name, [field.invalid(`metadata.${name}`, given, why)]);
  }
}

function validate(seconds: number): void {
  const path = "spec.expirationSeconds";
  const causes = [
    ...(seconds < SECONDS_MIN
      ? [field.invalid(path, seconds, "may not specify a duration less than 10 minutes")]
      : []),
    ...(seconds > SECONDS_MAX
      ? [field.invalid(path, seconds, "may not specify a duration larger than 2^32 seconds")]
      : []),
  ];
  if (causes.length > 0) throw invalid(TOKEN_REQUEST, "", causes);
}

async function findBound(
  routed: ResourceRequest,
  { kind = "", apiVersion = "", name = "", uid = "" }: BoundObjectReference,
): Promise<Pick<TokenRequestInfo, "boundObject" | "node">> {
  const group = apiVersion.includes("/") ? apiVersion.slice(0, apiVersion.indexOf("/")) : "";
  if (group !== "" || (kind !== "Pod" && kind !== "Secret" && kind !== "Node")) {
    const version = apiVersion.slice(apiVersion.indexOf("/") + 1);
    throw badRequest(`cannot bind token to object of type ${group}/${version}, Kind=${kind}`);
  }
  const resource = `core/${kind.toLowerCase()}s`;
  const namespace = kind === "Node" ? "" : routed.info.namespace;
  const object = await find(routed, resource, namespace, name);
  const found = object.metadata.uid ?? "";
  const spec = kind === "Pod" ? (object as Pod).spec : undefined;
  if (kind === "Pod" && (spec?.serviceAccountName ?? "") !== routed.info.name) {
    throw badRequest(
      `cannot bind token for serviceaccount ${JSON.stringify(routed.info.name)} to pod running with different serviceaccount name.`,
    );
  }
  if (uid !== "" && uid !== found) {
    const why = `the UID in the bound object reference (${uid}) does not match the UID in record. The object might have been deleted and then recreated`;
    throw conflict({ group: "", resource: kind }, name, why);
  }
  const boundObject = { kind, name, uid: found } as const;
  if (!spec?.nodeName) return { boundObject };
  const node = routed.context.registry.findStore("core/nodes")?.cache.get(spec.nodeName)?.object;
  const nodeUid = node?.metadata.uid;
  return { boundObject, node: { name: spec.nodeName, ...(nodeUid !== undefined && { uid: nodeUid }) } };
}

async function find(
  { context }: ResourceRequest,
  resource: string,
  namespace: string,
  name: string,
): Promise<KubeObject> {
  const store = context.registry.findStore(resource);
  if (store === undefined) throw notFound({ group: "", resource }, name);
  try {
    return (await store.get(namespace, name)).object;
  } catch (cause) {
    if (cause instanceof StatusError && cause.reason === "NotFound") throw cause;
    throw new StatusError("InternalError", `looking up the bound object ${name} failed`, { cause });
  }
}
