/** Reviews: questions about users and what they may do, answered and never stored. @module */
import { badRequest, invalid, messageOf, StatusError, type KubeObject } from "#apimachinery";
import type { TokenReview, UserInfo as UserInfoV1 } from "#api/authentication/v1/types.gen";
import type { SubjectAccessReviewSpec } from "#api/authorization/v1/types.gen";
import type { TokenAuthenticator } from "../authn/index.ts";
import { selectorsOfReview, type ResolvedRules } from "../authz/index.ts";
import { decodeObject } from "../handlers/decode.ts";
import type { ResourceRequest } from "../handlers/handler-context.ts";
import type { SubresourceHandlers } from "../handlers/subresources.ts";
import {
  SYSTEM_AUTHENTICATED,
  SYSTEM_MASTERS,
  type AuthorizationAttributes,
  type Authenticator,
  type Authorizer,
  type Decision,
  type UserInfo,
} from "../user-info.ts";
import { answer } from "./foreign-kind.ts";

export interface ReviewOptions {
  readonly authenticator: Authenticator | undefined;
  readonly authorizer: Authorizer;
  /** Answers TokenReviews. Absent: `authenticator` does, and nobody looks at audiences. */
  readonly tokens?: TokenAuthenticator | undefined;
  readonly apiAudiences?: readonly string[] | undefined;
  /** Absent: rules are not known one by one. */
  readonly rulesFor: ((user: UserInfo, namespace: string) => ResolvedRules) | undefined;
}

type Review = KubeObject & { readonly spec: SubjectAccessReviewSpec };

export function reviewHandlers(options: ReviewOptions): ReadonlyMap<string, SubresourceHandlers> {
  const access = (
    userOf: (routed: ResourceRequest, spec: SubjectAccessReviewSpec) => UserInfo,
  ): SubresourceHandlers => ({
    create: async (routed) => {
      const review = await decodeReview(routed);
      const { spec } = review;
      const attributes = attributesOf(userOf(routed, spec), spec, routed.info.namespace);
      const { allowed, denied, reason, evaluationError } = await decide(options.authorizer, attributes);
      const status = {
        allowed,
        ...(denied === true && { denied }),
        ...(reason !== undefined && { reason }),
        ...(evaluationError !== undefined && { evaluationError }),
      };
      return answer(routed.request, 201, { ...review, status });
    },
  });
  return new Map<string, SubresourceHandlers>([
    ["authorization.k8s.io/selfsubjectaccessreviews", access(({ request }) => request.user)],
    ["authorization.k8s.io/subjectaccessreviews", access((_routed, spec) => userOfSpec(spec))],
    ["authorization.k8s.io/localsubjectaccessreviews", access((_routed, spec) => userOfSpec(spec))],
    ["authorization.k8s.io/selfsubjectrulesreviews", { create: (routed) => reviewRules(routed, options) }],
    ["authentication.k8s.io/tokenreviews", { create: (routed) => reviewToken(routed, options) }],
    [
      "authentication.k8s.io/selfsubjectreviews",
      {
        create: async (routed) => {
          const review = await decodeObject(routed.request, routed.served);
          return answer(routed.request, 201, {
            ...review,
            status: { userInfo: userInfoV1(routed.request.user) },
          });
        },
      },
    ],
  ]);
}

/** Nothing of it is stored; its rules hold all the same. */
async function decodeReview({ request, served, info }: ResourceRequest): Promise<Review> {
  const { kind } = served;
  const sent = (await decodeObject(request, served)) as KubeObject & Partial<Review>;
  const namespace =
    kind.scope === "Namespaced" ? { namespace: sent.metadata.namespace ?? info.namespace } : {};
  const review: Review = { ...sent, metadata: { ...sent.metadata, ...namespace }, spec: sent.spec ?? {} };
  const causes = kind.validate?.(review) ?? [];
  if (causes.length > 0) throw invalid(kind, review.metadata.name ?? "", causes);
  return review;
}

async function decide(authorizer: Authorizer, attributes: AuthorizationAttributes): Promise<Decision> {
  if (attributes.user.groups.includes(SYSTEM_MASTERS)) return { allowed: true };
  return authorizer.authorize(attributes);
}

function userOfSpec({ user = "", groups = [], uid, extra }: SubjectAccessReviewSpec): UserInfo {
  return { name: user, groups, ...(uid !== undefined && { uid }), ...(extra !== undefined && { extra }) };
}

function attributesOf(
  user: UserInfo,
  { resourceAttributes, nonResourceAttributes }: SubjectAccessReviewSpec,
  namespace: string,
): AuthorizationAttributes {
  const asked = resourceAttributes ?? {};
  return {
    user,
    verb: asked.verb ?? nonResourceAttributes?.verb ?? "",
    isResourceRequest: resourceAttributes !== undefined,
    path: nonResourceAttributes?.path ?? "",
    group: asked.group ?? "",
    version: asked.version ?? "*",
    resource: asked.resource ?? "",
    subresource: asked.subresource ?? "",
    namespace: asked.namespace ?? namespace,
    name: asked.name ?? "",
    ...selectorsOfReview(asked),
  };
}

async function reviewRules(
  { request, served }: ResourceRequest,
  { rulesFor }: ReviewOptions,
): ReturnType<NonNullable<SubresourceHandlers["create"]>> {
  const review = (await decodeObject(request, served)) as KubeObject & { spec?: { namespace?: string } };
  const namespace = review.spec?.namespace ?? "";
  if (namespace === "") throw badRequest("no namespace on request");
  const isMaster = request.user.groups.includes(SYSTEM_MASTERS);
  const { rules, incomplete, evaluationError }: ResolvedRules = isMaster
    ? EVERYTHING
    : (rulesFor?.(request.user, namespace) ?? { rules: [], incomplete: true });
  const resourceRules = rules
    .filter(({ resources = [] }) => resources.length > 0)
    .map(({ verbs, apiGroups, resources, resourceNames }) => ({
      verbs,
      apiGroups,
      resources,
      resourceNames,
    }));
  const nonResourceRules = rules
    .filter(({ nonResourceURLs = [] }) => nonResourceURLs.length > 0)
    .map(({ verbs, nonResourceURLs }) => ({ verbs, nonResourceURLs }));
  const error = evaluationError === undefined ? {} : { evaluationError };
  const status = { resourceRules, nonResourceRules, incomplete, ...error };
  return answer(request, 201, { ...review, status });
}

const EVERYTHING: ResolvedRules = {
  rules: [
    { verbs: ["*"], apiGroups: ["*"], resources: ["*"] },
    { verbs: ["*"], nonResourceURLs: ["*"] },
  ],
  incomplete: false,
};

async function reviewToken(
  { request, served }: ResourceRequest,
  options: ReviewOptions,
): ReturnType<NonNullable<SubresourceHandlers["create"]>> {
  const review = (await decodeObject(request, served)) as TokenReview;
  const { token, ...spec } = review.spec ?? ({} as TokenReview["spec"]);
  if (token === undefined || token === "")
    throw badRequest("token is required for TokenReview in authentication");
  const shown = { ...review, spec };
  try {
    const status = await statusOfToken(token, spec.audiences ?? [], options, request.signal);
    return answer(request, 201, { ...shown, status });
  } catch (err) {
    return answer(request, 201, { ...shown, status: { authenticated: false, error: problemOf(err) } });
  }
}

async function statusOfToken(
  token: string,
  asked: readonly string[],
  { authenticator, tokens, apiAudiences = [] }: ReviewOptions,
  signal: AbortSignal,
): Promise<NonNullable<TokenReview["status"]>> {
  if (tokens === undefined) {
    const headers = { authorization: `Bearer ${token}` };
    const user = await authenticator?.authenticate({ headers }, signal);
    return user === undefined ? {} : { authenticated: true, user: userInfoV1(user) };
  }
  const audiences = asked.length > 0 ? asked : apiAudiences;
  const found = await tokens.authenticateToken(token, signal, audiences);
  if (found === undefined) throw new Error("invalid bearer token");
  const { user } = found;
  const groups = [...new Set([...user.groups, SYSTEM_AUTHENTICATED])];
  return {
    authenticated: true,
    user: userInfoV1({ ...user, groups }),
    ...(found.audiences !== undefined && { audiences: found.audiences }),
  };
}

/** Who reviews a token is told what is wrong with it, unlike who sends it. */
function problemOf(err: unknown): string {
  const told = err instanceof StatusError && err.cause !== undefined ? err.cause : err;
  return messageOf(told);
}

function userInfoV1({ name, uid, groups, extra }: UserInfo): UserInfoV1 {
  return {
    username: name,
    groups,
    ...(uid !== undefined && { uid }),
    ...(extra !== undefined && { extra }),
  };
}
