/**
 * Who asks and whether they may: a decision of RBAC among 10,000 bindings, and a token checked anew and from the cache.
 *
 * The sketch: an index by subject turns 10,000 bindings into the few of one user, so a decision is some look-ups in maps (the
 * floor: as many as there are subjects and namespaces, 0.2 µs) and a walk over the rules of the roles found (1 µs); the
 * target is 20 µs. A token of ES256 costs one verification of a signature (the floor, 100 µs), two parses and three look-ups;
 * from the cache, one HMAC of the token (the floor, 2 µs).
 * @module
 */
import { createHmac, createPublicKey, randomBytes, verify } from "node:crypto";
import { systemClock } from "#apimachinery";
import type { PolicyRule } from "#api/rbac/v1/types.gen";
import { bench, report } from "#bench";
import {
  boundTokenValidator,
  cachedTokens,
  generateSigningKey,
  issuedTokens,
  loadSigningKeys,
  serviceAccountTokenIssuer,
} from "../src/apiserver/authn/index.ts";
import {
  bootstrapClusterRoleBindings,
  bootstrapClusterRoles,
  rbacAuthorizer,
  RbacIndex,
} from "../src/apiserver/authz/index.ts";
import type { AuthorizationAttributes } from "../src/apiserver/user-info.ts";

const BINDINGS = 10_000;
const NAMESPACES = 1_000;
const DECISIONS = 10_000;
const TOKENS = 200;
const ISSUER = "https://kubernetes.default.svc.cluster.local";
const GROUP = "rbac.authorization.k8s.io";

await decisions();
await tokens();

function filledIndex(): RbacIndex {
  const index = new RbacIndex();
  for (const object of [...bootstrapClusterRoles(), ...bootstrapClusterRoleBindings()]) index.set(object);
  const rules: PolicyRule[] = [{ verbs: ["get", "list"], apiGroups: [""], resources: ["pods"] }];
  for (let i = 0; i < BINDINGS; i++) {
    const namespace = `ns-${i % NAMESPACES}`;
    const metadata = { name: `b-${i}`, namespace };
    const apiVersion = `${GROUP}/v1`;
    index.set({ apiVersion, kind: "Role", metadata, rules });
    index.set({
      apiVersion,
      kind: "RoleBinding",
      metadata,
      roleRef: { apiGroup: GROUP, kind: "Role", name: `b-${i}` },
      subjects: [
        { kind: "User", apiGroup: GROUP, name: `user-${i}` },
        { kind: "Group", apiGroup: GROUP, name: `team-${i % 100}` },
      ],
    });
  }
  return index;
}

function attributes(i: number, verb: string): AuthorizationAttributes {
  return {
    user: { name: `user-${i}`, groups: ["system:authenticated", `team-${i % 100}`] },
    verb,
    isResourceRequest: true,
    path: "",
    group: "",
    version: "v1",
    resource: "pods",
    subresource: "",
    namespace: `ns-${i % NAMESPACES}`,
    name: "",
  };
}

async function decisions(): Promise<void> {
  const authorizer = rbacAuthorizer(filledIndex());
  for (const [what, verb, allowed] of [
    ["allowed", "list", true],
    ["refused", "delete", false],
  ] as const) {
    const asked = Array.from({ length: DECISIONS }, (_, i) => attributes(i, verb));
    const known = new Map(asked.map(({ user }, i) => [`ns-${i % NAMESPACES}|User:${user.name}`, i]));
    let found = 0;
    const floor = await bench({
      name: `authz: floor, six look-ups, ${what}`,
      operations: DECISIONS,
      run: () => {
        for (const { user, namespace } of asked)
          for (let n = 0; n < 6; n++) found += known.get(`${namespace}|User:${user.name}`) ?? 0;
      },
    });
    const limit = { value: floor, name: "six look-ups in a map" };
    let count = 0;
    await bench({
      name: `authz: RBAC decision of 10,000 bindings, ${what}`,
      operations: DECISIONS,
      limit,
      run: async () => {
        count = 0;
        for (const one of asked) {
          const decision = authorizer.authorize(one);
          if ((decision instanceof Promise ? await decision : decision).allowed) count++;
        }
      },
    });
    if (count !== (allowed ? DECISIONS : 0)) throw new Error(`${count} of ${DECISIONS} were allowed`);
    if (found < 0) throw new Error("unreachable");
  }
}

async function tokens(): Promise<void> {
  const pem = generateSigningKey();
  const keys = loadSigningKeys(pem);
  const issuer = serviceAccountTokenIssuer({ keys, issuer: ISSUER, clock: systemClock });
  const { token } = await issuer.issue({
    namespace: "default",
    serviceAccount: { name: "web", uid: "u1" },
    audiences: [ISSUER],
    expirationSeconds: 3_600,
  });
  const found = { metadata: { name: "web", uid: "u1" } };
  const lookup = { serviceAccount: () => found, pod: () => found, secret: () => found, node: () => found };
  const validate = boundTokenValidator({ lookup, clock: systemClock });
  const plain = issuedTokens({ keys, issuers: [ISSUER], apiAudiences: [ISSUER], validate });
  const options = { clock: systemClock, successTtlMs: 600_000, failureTtlMs: 0, cacheErrors: false };
  const cached = cachedTokens(plain, options);
  const { signal } = new AbortController();

  const [head, body, signature] = token.split(".");
  const key = { key: createPublicKey(pem), dsaEncoding: "ieee-p1363" } as const;
  const [data, signed] = [Buffer.from(`${head}.${body}`), Buffer.from(signature!, "base64url")];
  const verifying = await bench({
    name: "authn: floor, verification of a signature",
    operations: TOKENS,
    run: () => {
      for (let i = 0; i < TOKENS; i++)
        if (!verify("sha256", data, key, signed)) throw new Error("bad signature");
    },
  });
  await bench({
    name: "authn: ServiceAccount token, not cached",
    operations: TOKENS,
    limit: { value: verifying, name: "verification of its signature" },
    run: async () => {
      for (let i = 0; i < TOKENS; i++) await plain.authenticateToken(token, signal, [ISSUER]);
    },
  });
  const salt = randomBytes(32);
  let length = 0;
  const hashing = await bench({
    name: "authn: floor, HMAC of a token",
    operations: TOKENS,
    run: () => {
      for (let i = 0; i < TOKENS; i++)
        length += createHmac("sha256", salt).update(token).update(ISSUER).digest("base64").length;
    },
  });
  await bench({
    name: "authn: ServiceAccount token, cached",
    operations: TOKENS,
    limit: { value: hashing, name: "HMAC of the token" },
    run: async () => {
      for (let i = 0; i < TOKENS; i++) await cached.authenticateToken(token, signal, [ISSUER]);
    },
  });
  report({
    name: "authn: length of a token",
    value: token.length,
    unit: "characters",
    runs: Math.sign(length),
  });
}
