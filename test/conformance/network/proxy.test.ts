/** The API server as a proxy in front of pods and Services: every method, paths, named ports, HTTPS, and links that stay behind it. */
import assert from "node:assert/strict";
import { Services } from "#api/core/v1/service";
import { systemClock } from "#apimachinery";
import { createCertificateAuthority, issueCertificate } from "#component-base/pki";
import { conformance, type ContainersContext, type HttpAnswer } from "../harness/index.ts";
import { startServer } from "./net-pods.ts";
import { newService, readyOf, untilSlices } from "./services.ts";

const RESPONSES =
  "[sig-network] Proxy version v1 A set of valid responses are returned for both pod and service";
const METHODS = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];

/** A pod and a Service, both called `echo`; resolves with their paths. */
async function startEcho(t: ContainersContext): Promise<readonly string[]> {
  const labels = { app: "echo" };
  const service = newService(t, "echo", { selector: labels, ports: [{ port: 80, targetPort: 8080 }] });
  await Promise.all([
    t.client.create(Services, service, t.signal),
    startServer(t, "echo", {
      labels,
      serves: ["http:8080"],
      container: { ports: [{ containerPort: 8080 }] },
    }),
  ]);
  await untilSlices(t, "the pod is an endpoint", "echo", (slices) => readyOf(slices).length === 1);
  return ["pods", "services"].map((plural) => `/api/v1/namespaces/${t.namespace}/${plural}/echo/proxy`);
}

conformance(`${RESPONSES} Proxy`, { containers: true }, async (t) => {
  for (const path of await startEcho(t))
    for (const method of METHODS) {
      const answer = await t.http({ method, path: `${path}?method=${method}` });
      const isRedirected = method === "GET" || method === "HEAD";
      assert.equal(answer.status, isRedirected ? 301 : 200, `${method} ${path}: ${answer.text}`);
      if (isRedirected) assert.equal(answer.headers.location, `${path}/?method=${method}`);
      else assert.equal(answer.text, "echo");
    }
});

conformance(`${RESPONSES} ProxyWithPath`, { containers: true }, async (t) => {
  for (const path of await startEcho(t))
    for (const method of METHODS) {
      const answer = await t.http({ method, path: `${path}/echo/some/path/with/${method}?a=b%20c` });
      assert.equal(answer.status, 200, `${method} ${path}: ${answer.text}`);
      const expected = { method, url: `/echo/some/path/with/${method}?a=b+c`, name: "echo" };
      if (method === "HEAD") assert.equal(answer.text, "");
      else assert.deepEqual(answer.json(), expected);
    }
});

/** A certificate that nobody knows: a pod's is its own affair. */
async function certificate(): Promise<readonly { readonly name: string; readonly value: string }[]> {
  const ca = await createCertificateAuthority("pods", systemClock);
  const subject = { commonName: "pod", dnsNames: ["pod"], usages: ["server"] } as const;
  const { certificatePem, privateKeyPem } = await issueCertificate(ca, subject, systemClock);
  return [
    { name: "TLS_CERT", value: certificatePem },
    { name: "TLS_KEY", value: privateKeyPem },
  ];
}

conformance(
  "[sig-network] Proxy version v1 should proxy through a service and a pod",
  { containers: true },
  async (t) => {
    const labels = { app: "many" };
    const ports = [
      { name: "plain", port: 80, targetPort: "http" },
      { name: "other", port: 81, targetPort: 8081 },
      { name: "secure", port: 443, targetPort: 8443 },
    ];
    const containerPorts = [{ name: "http", containerPort: 8080 }];
    await Promise.all([
      t.client.create(Services, newService(t, "many", { selector: labels, ports }), t.signal),
      startServer(t, "pod", {
        labels,
        serves: ["http:8080", "http:8081", "tls:8443"],
        env: await certificate(),
        container: { ports: containerPorts },
      }),
    ]);
    await untilSlices(
      t,
      "the pod is an endpoint of each port",
      "many",
      (slices) => readyOf(slices).length === 3,
    );
    const get = (target: string, path: string): Promise<HttpAnswer> =>
      t.http({ path: `/api/v1/namespaces/${t.namespace}/${target}/proxy${path}` });
    const targets = [
      ...[
        "many",
        "many:plain",
        "many:80",
        "many:other",
        "http:many:other",
        "https:many:secure",
        "https:many:443",
      ].map((name) => `services/${name}`),
      ...["pod", "pod:8080", "http:pod:8081", "https:pod:8443"].map((name) => `pods/${name}`),
    ];
    await Promise.all(
      targets.map(async (target) => {
        const answer = await get(target, "/");
        assert.deepEqual([target, answer.status, answer.text], [target, 200, "pod"]);
        const page = await get(target, "/page");
        const link = `/api/v1/namespaces/${t.namespace}/${target}/proxy/elsewhere`;
        assert.equal(page.text, `<a href="${link}">elsewhere</a>`);
      }),
    );
    assert.equal((await get("services/many:absent", "/")).status, 503);
    assert.equal((await get("services/nobody", "/")).status, 404);
    assert.equal((await get("pods/pod:9999", "/")).status, 503);
  },
);
