/** The files of ServiceAccount tokens in containers. */
import assert from "node:assert/strict";
import { TokenReviews } from "#api/authentication/v1/tokenreview";
import type { TokenReview } from "#api/authentication/v1/types.gen";
import { Pods } from "#api/core/v1/pod";
import { ServiceAccounts } from "#api/core/v1/serviceaccount";
import type { Pod, PodSecurityContext, PodSpec } from "#api/core/v1/types.gen";
import { conformance, WEB_IMAGE, type ContainersContext } from "../harness/index.ts";
import { claimsOf, newCaller } from "./as-token.ts";

const MOUNTED = "/var/run/secrets/kubernetes.io/serviceaccount";

/** Resolves when it runs, with what the API shows of it. */
async function start(t: ContainersContext, name: string, spec: Partial<PodSpec>): Promise<Pod> {
  const { namespace, client, signal } = t;
  const containers = [
    { name: "main", image: WEB_IMAGE, command: ["sleep", "3600"], ...spec.containers?.[0] },
  ];
  const pod: Pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace },
    spec: { terminationGracePeriodSeconds: 0, ...spec, containers },
  };
  const made = await client.create(Pods, pod, signal);
  return t.waitFor(Pods, made.metadata, (now) => now?.status?.phase === "Running");
}

async function tokenUser(
  { client, signal }: ContainersContext,
  token: string,
): Promise<NonNullable<TokenReview["status"]>> {
  const asked = {
    apiVersion: "authentication.k8s.io/v1",
    kind: "TokenReview",
    metadata: { name: "" },
    spec: { token },
  } as const;
  return (await client.create(TokenReviews, asked, signal)).status ?? {};
}

conformance(
  "[sig-auth] ServiceAccounts should mount an API token into pods",
  { containers: true },
  async (t) => {
    const { namespace, client, signal } = t;
    const metadata = { name: "robot", namespace };
    const account = await client.create(
      ServiceAccounts,
      { apiVersion: "v1", kind: "ServiceAccount", metadata },
      signal,
    );
    const pod = await start(t, "p", { serviceAccountName: "robot" });
    const read = (file: string): Promise<string> => t.kubectl("exec", "p", "--", "cat", `${MOUNTED}/${file}`);
    assert.equal(await read("namespace"), namespace);
    const { ca } = await newCaller(t);
    assert.equal((await read("ca.crt")).trim(), ca.trim());
    const token = await read("token");
    const { authenticated, user } = await tokenUser(t, token);
    assert.equal(authenticated, true);
    assert.deepEqual(
      [user?.username, user?.uid],
      [`system:serviceaccount:${namespace}:robot`, account.metadata.uid],
    );
    const bound = claimsOf(token)["kubernetes.io"] as Readonly<Record<string, unknown>>;
    assert.deepEqual(bound["pod"], { name: "p", uid: pod.metadata.uid });
    assert.equal((bound["node"] as { readonly name: string }).name, pod.spec?.nodeName);
    // The API takes it, as the API's own address in the pod's environment says.
    const caller = await newCaller(t);
    const listing = await caller.send({ path: `/api/v1/namespaces/${namespace}/pods` }, token);
    assert.equal(listing.status, 403);
    assert.match(listing.text, new RegExp(`system:serviceaccount:${namespace}:robot`));
    assert.match(await t.kubectl("exec", "p", "--", "env"), /^KUBERNETES_SERVICE_HOST=[\d.]+$/m);
    // Nobody writes there.
    const writing = await t.tryKubectl(["exec", "p", "--", "sh", "-c", `echo x > ${MOUNTED}/token`]);
    assert.match(writing.stderr, /[Rr]ead-only file system/);
  },
);

conformance(
  "[sig-auth] ServiceAccounts should mount projected service account token",
  { containers: true },
  async (t) => {
    const { namespace } = t;
    const OWNERS: readonly (readonly [securityContext: PodSecurityContext, stat: string])[] = [
      [{}, "644 0 0"],
      [{ runAsUser: 1000 }, "600 1000 0"],
      [{ fsGroup: 10_000 }, "640 0 10000"],
      [{ runAsUser: 1000, fsGroup: 10_000 }, "640 0 10000"],
    ];
    const serviceAccountToken = { path: "token", expirationSeconds: 3_600, audience: "vault" };
    const volumes = [{ name: "own", projected: { sources: [{ serviceAccountToken }], defaultMode: 0o644 } }];
    const container = {
      name: "main",
      image: WEB_IMAGE,
      volumeMounts: [{ name: "own", mountPath: "/own", readOnly: true }],
    };
    await Promise.all(
      OWNERS.map(async ([securityContext, expected], i) => {
        const name = `p${i}`;
        await start(t, name, { securityContext, volumes, containers: [container] });
        const shown = await t.kubectl("exec", name, "--", "stat", "-L", "-c", "%a %u %g", "/own/token");
        assert.equal(shown.trim(), expected, JSON.stringify(securityContext));
        const { aud, exp, iat, sub } = claimsOf(await t.kubectl("exec", name, "--", "cat", "/own/token"));
        assert.deepEqual([aud, sub], [["vault"], `system:serviceaccount:${namespace}:default`]);
        assert.equal((exp as number) - (iat as number), 3_600);
      }),
    );
  },
);
