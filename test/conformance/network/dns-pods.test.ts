/** Names of pods that have a hostname and a subdomain, what kubelet writes into their hosts files, and DNS settings of their own. */
import assert from "node:assert/strict";
import { Services } from "#api/core/v1/service";
import type { Pod } from "#api/core/v1/types.gen";
import { conformance, type ContainersContext } from "../harness/index.ts";
import { HTTP, query, startClient, startServer } from "./net-pods.ts";
import { newService } from "./services.ts";

const DOMAIN = "svc.cluster.local";
const SUBDOMAIN = "subdomain";
const HOSTNAME = "querier";

/** A pod with hostname and subdomain, and the headless Service that is called like the subdomain. */
async function startNamed(t: ContainersContext): Promise<{ readonly pod: Pod; readonly fqdn: string }> {
  const labels = { app: "named" };
  const spec = { hostname: HOSTNAME, subdomain: SUBDOMAIN };
  const service = newService(t, SUBDOMAIN, { selector: labels, clusterIP: "None", ports: [{ port: HTTP }] });
  await t.client.create(Services, service, t.signal);
  const [pod] = await Promise.all([startClient(t, "named", { labels, spec }), startClient(t)]);
  return { pod, fqdn: `${HOSTNAME}.${SUBDOMAIN}.${t.namespace}.${DOMAIN}` };
}

/** The names that the pod's hosts file gives an address. */
async function hostsOf(t: ContainersContext, pod: string, ip: string): Promise<readonly string[]> {
  const text = await t.kubectl("exec", pod, "--", "cat", "/etc/hosts");
  return text.split("\n").flatMap((line) => {
    const [address, ...names] = line.split(/\s+/);
    return address === ip ? names : [];
  });
}

conformance(
  "[sig-network] DNS should provide /etc/hosts entries for the cluster",
  { containers: true },
  async (t) => {
    const { pod, fqdn } = await startNamed(t);
    const ip = pod.status!.podIP!;
    assert.deepEqual(await hostsOf(t, "named", ip), [fqdn, HOSTNAME]);
    assert.ok((await hostsOf(t, "named", "127.0.0.1")).includes("localhost"));
    await query(
      t,
      "named",
      { name: fqdn, type: "lookup", want: [ip] },
      { name: HOSTNAME, type: "lookup", want: [ip] },
    );
    assert.deepEqual(await hostsOf(t, "client", "127.0.0.1"), ["localhost"]);
  },
);

conformance("[sig-network] DNS should provide DNS for pods for Hostname", { containers: true }, async (t) => {
  const { pod, fqdn } = await startNamed(t);
  const want = [pod.status!.podIP!];
  await query(
    t,
    "client",
    { name: fqdn, type: "A", over: "udp", want },
    { name: fqdn, type: "A", over: "tcp", want },
    { name: `${HOSTNAME}.${SUBDOMAIN}`, type: "lookup", want },
  );
  assert.equal(await t.kubectl("exec", "named", "--", "hostname"), `${HOSTNAME}\n`);
});

conformance(
  "[sig-network] DNS should provide DNS for pods for Subdomain",
  { containers: true },
  async (t) => {
    const { pod } = await startNamed(t);
    const want = [pod.status!.podIP!];
    const name = `${SUBDOMAIN}.${t.namespace}.${DOMAIN}`;
    await query(
      t,
      "client",
      { name, type: "A", over: "udp", want },
      { name, type: "A", over: "tcp", want },
      { name: SUBDOMAIN, type: "lookup", want },
      // a name of the subdomain that no pod has
      { name: `nobody.${name}`, type: "A", want: [] },
    );
  },
);

conformance(
  "[sig-network] DNS should support configurable pod DNS nameservers",
  { containers: true },
  async (t) => {
    const server = await startServer(t, "nameserver", { serves: ["http:80", "dns:53"] });
    const dnsConfig = {
      nameservers: [server.status!.podIP!],
      searches: ["configured.test"],
      options: [{ name: "ndots", value: "2" }, { name: "edns0" }],
    };
    await startClient(t, "client", { spec: { dnsPolicy: "None", dnsConfig } });
    const text = await t.kubectl("exec", "client", "--", "cat", "/etc/resolv.conf");
    assert.deepEqual(text.trim().split("\n").toSorted(), [
      `nameserver ${server.status!.podIP!}`,
      "options ndots:2 edns0",
      "search configured.test",
    ]);
    // the server there knows every name, cluster DNS none of these
    await query(
      t,
      "client",
      { name: "short", type: "lookup", want: ["192.0.2.77"] },
      { name: "short.configured.test", type: "A", want: ["192.0.2.77"] },
    );
  },
);
