/** ClusterTrustBundles as files of containers. */
import assert from "node:assert/strict";
import { ClusterTrustBundles } from "#api/certificates/v1/clustertrustbundle";
import type { ClusterTrustBundle } from "#api/certificates/v1/types.gen";
import { Events } from "#api/core/v1/event";
import { Pods } from "#api/core/v1/pod";
import type { ClusterTrustBundleProjection, Pod } from "#api/core/v1/types.gen";
import { systemClock } from "#apimachinery";
import { createCertificateAuthority } from "#component-base/pki";
import { conformance, WEB_IMAGE, type ContainersContext } from "../harness/index.ts";

type Source = Omit<ClusterTrustBundleProjection, "path">;

const BLOCK = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
const SUITE = "[sig-auth] ClusterTrustBundle should";
const BY_SIGNER = `${SUITE} be capable to mount multiple trust bundles by signer+labels`;
/** As many bundles as the test of many asks for. */
const MANY = 120;

async function newAnchor(name: string): Promise<string> {
  return (await createCertificateAuthority(name, systemClock)).certificatePem;
}

/** Resolves with its anchors. */
async function publish(
  t: ContainersContext,
  name: string,
  rest: {
    readonly signerName?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly anchor?: string;
  } = {},
): Promise<string> {
  const { signerName, labels = {}, anchor = await newAnchor(name) } = rest;
  const prefix = signerName === undefined ? "" : `${signerName.replaceAll("/", ":")}:`;
  const bundle: ClusterTrustBundle = {
    apiVersion: "certificates.k8s.io/v1",
    kind: "ClusterTrustBundle",
    metadata: { name: `${prefix}${t.unique}-${name}`, labels },
    spec: { trustBundle: anchor, ...(signerName !== undefined && { signerName }) },
  };
  const { metadata } = await t.client.create(ClusterTrustBundles, bundle, t.signal);
  t.cleanup((undoing) => t.client.delete(ClusterTrustBundles, { name: metadata.name }, undoing));
  return anchor;
}

/** One volume for each source, at `/trust/<index>`. */
function podWith({ namespace }: ContainersContext, name: string, sources: readonly Source[]): Pod {
  const volumes = sources.map((source, i) => ({
    name: `v${i}`,
    projected: { sources: [{ clusterTrustBundle: { ...source, path: "anchors.pem" } }] },
  }));
  const volumeMounts = volumes.map((volume, i) => ({
    name: volume.name,
    mountPath: `/trust/${i}`,
    readOnly: true,
  }));
  const container = { name: "main", image: WEB_IMAGE, command: ["sleep", "3600"], volumeMounts };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace },
    spec: { terminationGracePeriodSeconds: 0, containers: [container], volumes },
  };
}

async function untilRunning(t: ContainersContext, name: string): Promise<void> {
  await t.waitFor(Pods, { namespace: t.namespace, name }, (pod) => pod?.status?.phase === "Running");
}

/** The anchors in each volume of a new pod. */
async function mounted(
  t: ContainersContext,
  name: string,
  sources: readonly Source[],
): Promise<readonly (readonly string[])[]> {
  await t.client.create(Pods, podWith(t, name, sources), t.signal);
  await untilRunning(t, name);
  return Promise.all(sources.map((_, i) => anchorsIn(t, name, i)));
}

async function anchorsIn(t: ContainersContext, pod: string, volume: number): Promise<readonly string[]> {
  const text = await t.kubectl("exec", pod, "--", "cat", `/trust/${volume}/anchors.pem`);
  const blocks = text.match(BLOCK) ?? [];
  assert.equal(blocks.join("\n"), text.trimEnd(), "nothing but certificates");
  return blocks.toSorted();
}

/** As files show them. */
function only(...anchors: readonly string[]): readonly string[] {
  return anchors.flatMap((anchor) => anchor.match(BLOCK) ?? []).toSorted();
}

async function untilRefused(t: ContainersContext, pod: string, message: RegExp): Promise<void> {
  await t.untilList(`FailedMount of ${pod}`, Events, (events) =>
    events.some(
      ({ involvedObject, reason, message: text = "" }) =>
        involvedObject.name === pod && reason === "FailedMount" && message.test(text),
    ),
  );
  const { status } = await t.client.get(Pods, { namespace: t.namespace, name: pod }, t.signal);
  assert.equal(status?.phase, "Pending");
  assert.ok(status.containerStatuses?.every(({ state }) => state?.waiting?.reason === "ContainerCreating"));
}

conformance(
  `${SUITE} be able to mount a single ClusterTrustBundle by name`,
  { containers: true },
  async (t) => {
    const [first, second] = [await newAnchor("a"), await newAnchor("b")];
    await publish(t, "one", { anchor: `Prose is left out\n${first}${second}` });
    await publish(t, "other");
    const name = `${t.unique}-one`;
    assert.deepEqual(await mounted(t, "p", [{ name }]), [only(first, second)]);
  },
);

conformance(
  `${BY_SIGNER} can combine multiple CTBs with signer name and label selector`,
  { containers: true },
  async (t) => {
    const signerName = `example.com/${t.unique}`;
    const labels = { live: "yes" };
    const shared = await newAnchor("shared");
    const own = await newAnchor("own");
    await publish(t, "a", { signerName, labels, anchor: shared + own });
    await publish(t, "b", { signerName, labels, anchor: shared });
    await publish(t, "unlabelled", { signerName });
    await publish(t, "foreign", { signerName: `${signerName}-2`, labels });
    await publish(t, "nobody", { labels });
    const source: Source = { signerName, labelSelector: { matchLabels: labels } };
    assert.deepEqual(await mounted(t, "p", [source]), [only(shared, own)], "what two hold is there once");
  },
);

conformance(
  `${BY_SIGNER} can combine all signer CTBs with an empty label selector`,
  { containers: true },
  async (t) => {
    const signerName = `example.com/${t.unique}`;
    const a = await publish(t, "a", { signerName, labels: { live: "yes" } });
    const b = await publish(t, "b", { signerName });
    await publish(t, "foreign", { signerName: `${signerName}-2` });
    assert.deepEqual(await mounted(t, "p", [{ signerName, labelSelector: {} }]), [only(a, b)]);
  },
);

conformance(
  `${BY_SIGNER} should start if only signer name and nil label selector + optional=true`,
  { containers: true },
  async (t) => {
    const signerName = `example.com/${t.unique}`;
    await publish(t, "a", { signerName });
    assert.deepEqual(
      await mounted(t, "p", [{ signerName, optional: true }]),
      [[]],
      "no selector selects nothing",
    );
  },
);

conformance(
  `${BY_SIGNER} should start if only signer name and explicit label selector matches nothing + optional=true`,
  { containers: true },
  async (t) => {
    const signerName = `example.com/${t.unique}`;
    await publish(t, "a", { signerName, labels: { live: "no" } });
    const source: Source = { signerName, labelSelector: { matchLabels: { live: "yes" } }, optional: true };
    assert.deepEqual(await mounted(t, "p", [source]), [[]]);
  },
);

conformance(
  `${SUITE} prevent a pod from starting if: sets optional=false and no trust bundle matches query`,
  { containers: true },
  async (t) => {
    const signerName = `example.com/${t.unique}`;
    await publish(t, "a", { signerName });
    const source: Source = { signerName, labelSelector: { matchLabels: { live: "yes" } }, optional: false };
    await t.client.create(Pods, podWith(t, "p", [source]), t.signal);
    await untilRefused(
      t,
      "p",
      /combination of signerName and labelSelector matched zero ClusterTrustBundles/,
    );
    // That is all it waits for.
    const late = await publish(t, "late", { signerName, labels: { live: "yes" } });
    await untilRunning(t, "p");
    assert.deepEqual(await anchorsIn(t, "p", 0), only(late));
  },
);

conformance(
  `${SUITE} prevent a pod from starting if: sets optional=false and the configured CTB does not exist`,
  { containers: true },
  async (t) => {
    const name = `${t.unique}-late`;
    await t.client.create(Pods, podWith(t, "p", [{ name, optional: false }]), t.signal);
    await untilRefused(
      t,
      "p",
      new RegExp(`clustertrustbundle\\.certificates\\.k8s\\.io "${name}" not found`),
    );
    const late = await publish(t, "late");
    await untilRunning(t, "p");
    assert.deepEqual(await anchorsIn(t, "p", 0), only(late));
  },
);

conformance(`${SUITE} be able to specify multiple CTB volumes`, { containers: true }, async (t) => {
  const signerName = `example.com/${t.unique}`;
  const byName = await publish(t, "named");
  const a = await publish(t, "a", { signerName });
  const b = await publish(t, "b", { signerName });
  const sources: readonly Source[] = [{ name: `${t.unique}-named` }, { signerName, labelSelector: {} }];
  assert.deepEqual(await mounted(t, "p", sources), [only(byName), only(a, b)]);
});

conformance(`${SUITE} be able to mount a big number (>100) of CTBs`, { containers: true }, async (t) => {
  const signerName = `example.com/${t.unique}`;
  const anchors: string[] = [];
  for (let i = 0; i < MANY; i++) anchors.push(await publish(t, `n${i}`, { signerName }));
  assert.deepEqual(await mounted(t, "p", [{ signerName, labelSelector: {} }]), [only(...anchors)]);
});
