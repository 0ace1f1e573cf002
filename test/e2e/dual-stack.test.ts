/** Clusters of two address families and of IPv6 alone: pods, services, names, policies, and a machine that joins. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { JoiningNode } from "./joining-node.ts";
import { TestCluster, eventually, run } from "./harness.ts";
import { IMAGE, podSteps } from "./pod-steps.ts";

const WEB = join(import.meta.dirname, "../../examples/web");
const isRoot = process.geteuid?.() === 0;
const skip = isRoot ? false : "needs root: real containers";

interface ServiceShown {
  readonly clusterIPs: readonly string[];
  readonly ipFamilies: readonly string[];
  readonly ipFamilyPolicy: string;
  readonly ports: readonly { readonly nodePort?: number }[];
}

/** What both suites do; `first` and `second` are nodes. */
function steps(cluster: () => TestCluster): {
  readonly server: (name: string, nodeName: string, port?: object) => Promise<void>;
  readonly ips: (pod: string) => Promise<readonly string[]>;
  readonly nodeIPs: (node: string) => Promise<readonly string[]>;
  readonly service: (name: string, spec: object) => Promise<ServiceShown>;
  readonly endpoints: (service: string) => Promise<readonly string[]>;
  readonly answers: (from: string, host: string, expected: RegExp | undefined) => Promise<void>;
  readonly lookup: (from: string, wanted: string, ...question: readonly string[]) => Promise<void>;
  readonly policy: (spec: object) => Promise<void>;
} {
  const { pod } = podSteps(cluster);
  const list = async (kind: string, name: string, path: string): Promise<readonly string[]> =>
    (await cluster().kubectl("get", kind, name, "-o", `jsonpath=${path}`)).split(" ");
  return {
    async server(name, nodeName, port = {}) {
      const readinessProbe = { httpGet: { path: "/", port: "http" }, periodSeconds: 1 };
      const env = ["podIPs", "hostIPs"].map((field) => ({
        name: field,
        valueFrom: { fieldRef: { fieldPath: `status.${field}` } },
      }));
      const ports = [{ name: "http", containerPort: 80, ...port }];
      const containers = [{ name: "web", image: IMAGE, ports, readinessProbe, env }];
      const metadata = { labels: { app: name } };
      await pod(name, { nodeName, terminationGracePeriodSeconds: 0, containers }, metadata);
    },
    ips: (name) => list("pod", name, "{.status.podIPs[*].ip}"),
    nodeIPs: (name) => list("node", name, '{.status.addresses[?(@.type=="InternalIP")].address}'),
    async service(name, spec) {
      const ports = [{ name: "http", port: 80 }];
      await cluster().apply({
        apiVersion: "v1",
        kind: "Service",
        metadata: { name },
        spec: { ports, ...spec },
      });
      const { spec: shown } = JSON.parse(await cluster().kubectl("get", "service", name, "-o", "json")) as {
        spec: ServiceShown;
      };
      return shown;
    },
    async endpoints(name) {
      const selector = `kubernetes.io/service-name=${name}`;
      const path = '{range .items[*]}{.addressType}={.endpoints[*].addresses[*]}{"\\n"}{end}';
      const args = ["get", "endpointslices", "-l", selector, "-o", `jsonpath=${path}`];
      return (await cluster().kubectl(...args)).trim().split("\n").toSorted();
    },
    async answers(from, host, expected) {
      const url = `http://${host.split(":").length > 2 && !host.startsWith("[") ? `[${host}]` : host}/`;
      await eventually(
        `${from} ${expected === undefined ? "stops reaching" : "reaches"} ${url}`,
        async () => {
          const fetch = ["exec", from, "--", "timeout", "2", "wget", "-qO-", url];
          const { code, stdout } = await cluster().tryKubectl(fetch);
          return (expected === undefined ? code !== 0 : expected.test(stdout)) ? true : undefined;
        },
      );
    },
    // each node's server hears of services by itself
    async lookup(from, wanted, ...question) {
      let text = "";
      await eventually(`${question.join(" ")} is ${wanted}`, async () => {
        const { stdout, stderr } = await cluster().tryKubectl(["exec", from, "--", "nslookup", ...question]);
        text = `${stdout}${stderr}`;
        return text.includes(wanted) ? true : undefined;
      }).catch((cause: unknown) => assert.fail(`${String(cause)}: ${text}`));
    },
    async policy(spec) {
      const metadata = { name: "p", namespace: "default" };
      await cluster().apply({ apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy", metadata, spec });
    },
  };
}

suite("a cluster of two address families", { skip }, () => {
  const PROFILE = "e2edual";
  const FIRST = `k8ts-${PROFILE}`;
  const SECOND = `${FIRST}-m02`;
  const HOST_PORT = 8080;
  let cluster: TestCluster;
  let joining: JoiningNode | undefined;
  const { server, ips, nodeIPs, service, endpoints, answers, lookup, policy } = steps(() => cluster);
  const { ready, inside } = podSteps(() => cluster);

  before(async () => {
    cluster = await TestCluster.prepare(PROFILE);
    await cluster.k8ts("start", "--ip-family=dual", "--nodes=2", "--wait=all");
    await cluster.k8ts("image", "build", "-t", IMAGE, WEB);
    await server("web", SECOND, { hostPort: HOST_PORT });
    await server("near", SECOND);
    await server("far", FIRST);
    await Promise.all(["web", "near", "far"].map(ready));
  });
  after(async () => {
    await joining?.down();
    await cluster?.destroy();
  });

  test("nodes and pods have an address of each, which the pod is told", async () => {
    const cidrs = await cluster.kubectl("get", "node", SECOND, "-o", "jsonpath={.spec.podCIDRs[*]}");
    assert.match(cidrs, /^10\.244\.\d+\.0\/24 fd00:10:244:[0-9a-f:]*:\/64$/);
    const own = await ips("web");
    assert.match(own.join(" "), /^10\.244\.\d+\.\d+ fd00:10:244:[0-9a-f:]+$/);
    const told = await inside("web", "web", "echo $podIPs $hostIPs; cat /etc/hosts");
    assert.ok(told.startsWith(`${own.join()} ${(await nodeIPs(SECOND)).join()}\n`), told);
    for (const ip of own) assert.ok(told.includes(`${ip}\tweb`), told);
  });

  test("pods of one node and of two reach each other by both, and the node its pods", async () => {
    for (const ip of await ips("web"))
      for (const from of ["near", "far", "web"]) await answers(from, ip, /Hello from web/);
    const [, ip6 = ""] = await ips("web");
    const command = [
      "nsenter",
      `--net=/run/netns/${FIRST}.node`,
      "curl",
      "-s",
      "-m",
      "3",
      `http://[${ip6}]/`,
    ];
    assert.match((await run(command, process.env)).stdout, /Hello from web/);
  });

  test("services have what their policy says, endpoints of their families, and the names of both", async () => {
    const selector = { app: "web" };
    const single = await service("single", { selector });
    assert.deepEqual([single.ipFamilyPolicy, single.ipFamilies], ["SingleStack", ["IPv4"]]);
    const six = await service("six", { selector, ipFamilies: ["IPv6"] });
    assert.match(six.clusterIPs.join(), /^fd00:10:96::[0-9a-f:]+$/);
    const dual = await service("dual", { selector, type: "NodePort", ipFamilyPolicy: "PreferDualStack" });
    assert.deepEqual(dual.ipFamilies, ["IPv4", "IPv6"]);
    const families = ["IPv6", "IPv4"];
    await service("headless", {
      selector,
      clusterIP: "None",
      ipFamilyPolicy: "RequireDualStack",
      ipFamilies: families,
    });
    const [ip4, ip6] = await ips("web");
    for (const [name, wanted] of [
      ["dual", `IPv4=${ip4},IPv6=${ip6}`],
      ["headless", `IPv4=${ip4},IPv6=${ip6}`],
      ["six", `IPv6=${ip6}`],
    ] as const)
      await eventually(`the endpoints of ${name}`, async () =>
        (await endpoints(name)).join() === wanted ? true : undefined,
      );
    for (const [i, type] of ["a", "aaaa"].entries()) {
      const of = (name: string, address: string | undefined): Promise<void> =>
        lookup("far", `Address: ${address}`, `-type=${type}`, `${name}.default.svc.cluster.local`);
      await of("dual", dual.clusterIPs[i]);
      await of("headless", [ip4, ip6][i]);
    }
    await lookup("far", "name = six.default.svc.cluster.local", six.clusterIPs[0]!);
    const label = ip6!.replaceAll(":", "-");
    const name = `${label}.default.pod.cluster.local`;
    await lookup("far", `Address: ${ip6}`, "-type=aaaa", name);
    for (const server6 of await nodeIPs(SECOND))
      await lookup("far", "fd00:10:96::", "six.default.svc.cluster.local", server6);
  });

  test("a service goes to two families and back", async () => {
    const single = await service("turning", { selector: { app: "web" } });
    const turned = await service("turning", { selector: { app: "web" }, ipFamilyPolicy: "RequireDualStack" });
    assert.deepEqual(turned.ipFamilies, ["IPv4", "IPv6"]);
    assert.equal(turned.clusterIPs[0], single.clusterIPs[0]);
    const back = await service("turning", { selector: { app: "web" }, ipFamilyPolicy: "SingleStack" });
    assert.deepEqual(back.clusterIPs, single.clusterIPs);
    const gone = await cluster.tryKubectl(["get", "ipaddress", turned.clusterIPs[1]!]);
    assert.match(gone.stderr, /not found/);
  });

  test("policies hold for both families, and for blocks with holes", async () => {
    const [ip4, ip6] = await ips("web");
    const reached = async (from: string, wanted: boolean): Promise<void> => {
      for (const ip of [ip4!, ip6!]) await answers(from, ip, wanted ? /Hello from web/ : undefined);
    };
    const podSelector = { matchLabels: { app: "web" } };
    await policy({ podSelector, policyTypes: ["Ingress"] });
    await reached("near", false);
    await reached("far", false);
    await policy({ podSelector, ingress: [{ from: [{ podSelector: { matchLabels: { app: "near" } } }] }] });
    await reached("near", true);
    await reached("far", false);
    const except = (await cluster.kubectl("get", "node", FIRST, "-o", "jsonpath={.spec.podCIDRs[*]}")).split(
      " ",
    );
    const from = ["10.244.0.0/16", "fd00:10:244::/56"].map((cidr, i) => ({
      ipBlock: { cidr, except: [except[i]] },
    }));
    await policy({ podSelector, ingress: [{ from }] });
    await reached("near", true);
    await reached("far", false);
    const linkLocal = (await inside("web", "web", "ip -6 addr show dev eth0 scope link")).match(
      /fe80[0-9a-f:]*/,
    )![0];
    await answers("near", `[${linkLocal}%eth0]`, undefined);
    await cluster.kubectl("delete", "networkpolicy", "p");
    await reached("far", true);
  });

  test("services, node ports and host ports answer in both families", async () => {
    const selector = { app: "web" };
    const spec = { selector, type: "NodePort", ipFamilyPolicy: "PreferDualStack" };
    const { clusterIPs, ports } = await service("open", spec);
    for (const ip of clusterIPs)
      for (const from of ["near", "far", "web"]) await answers(from, ip, /Hello from web/);
    for (const node of [FIRST, SECOND])
      for (const ip of await nodeIPs(node)) {
        const host = ip.includes(":") ? `[${ip}]` : ip;
        await answers("far", `${host}:${ports[0]!.nodePort}`, /Hello from web/);
        if (node === SECOND) await answers("far", `${host}:${HOST_PORT}`, /Hello from web/);
      }
  });

  test("a node tells of itself over TLS alone, with the kubelet's certificate, and metrics to those who may", async () => {
    const [ip = ""] = await nodeIPs(SECOND);
    const ca = join(cluster.home, "profiles", PROFILE, "pki/ca.crt");
    const get = async (url: string, ...more: readonly string[]): Promise<string> => {
      const write = ["-w", " %{http_code}", "-s", "-m", "10", "--cacert", ca];
      const { stdout } = await run(["curl", ...write, ...more, url], process.env);
      return stdout;
    };
    assert.equal(await get(`https://${ip}:8181/ready`), "OK 200");
    assert.match(await get(`https://${ip}:10256/livez`), /"healthy":true.* 200$/);
    assert.match(await get(`https://${ip}:9153/metrics`), /forbidden.*system:anonymous.* 403$/s);
    await cluster.kubectl("create", "serviceaccount", "prometheus");
    const token = (await cluster.kubectl("create", "token", "prometheus")).trim();
    const bearer = ["-H", `Authorization: Bearer ${token}`];
    await cluster.kubectl("create", "clusterrole", "metrics", "--verb=get", "--non-resource-url=/metrics");
    const subject = "--serviceaccount=default:prometheus";
    await cluster.kubectl("create", "clusterrolebinding", "metrics", "--clusterrole=metrics", subject);
    await eventually("the right to metrics", async () => {
      const text = await get(`https://${ip}:9153/metrics`, ...bearer);
      return /^coredns_dns_requests_total.* 200$/ms.test(text) ? true : undefined;
    });
    for (const port of [8181, 9153, 10_256])
      assert.equal(await get(`http://${ip}:${port}/`), " 000", `${port}`);
    const path = "jsonpath={.metadata.annotations.prometheus\\.io/scheme}";
    assert.equal(
      await cluster.kubectl("get", "service", "-n", "kube-system", "kube-dns", "-o", path),
      "https",
    );
  });

  test("a machine joins with both addresses", async () => {
    joining = await JoiningNode.up(cluster, 0);
    const [, , ...flags] = (await cluster.k8ts("token", "create", "--print-join-command")).trim().split(" ");
    joining.startAgent(...flags);
    const { name } = joining;
    await eventually("the new node's ranges", async () => {
      const args = ["get", "node", name, "-o", "jsonpath={.spec.podCIDRs[*]}"];
      const { stdout } = await cluster.tryKubectl(args);
      return /^10\.244\.2\.0\/24 fd00:10:244:2::\/64$/.test(stdout) ? true : undefined;
    });
    assert.equal((await nodeIPs(name)).length, 2);
  });

  test("nothing leaves by the machine: no node knows a way out, and the machine forwards nothing", async () => {
    const { stdout } = await run(
      ["ip", "-n", `${FIRST}.node`, "-6", "route", "show", "default"],
      process.env,
    );
    assert.equal(stdout, "");
    assert.equal(readFileSync("/proc/sys/net/ipv6/conf/all/forwarding", "utf8").trim(), "0");
    await answers("far", "[2001:db8::1]", undefined);
  });
});

suite("a cluster of IPv6 alone", { skip }, () => {
  const PROFILE = "e2esix";
  const FIRST = `k8ts-${PROFILE}`;
  let cluster: TestCluster;
  const { server, ips, nodeIPs, service, answers, lookup } = steps(() => cluster);
  const { ready } = podSteps(() => cluster);

  before(async () => {
    cluster = await TestCluster.prepare(PROFILE);
    const plain = "--extra-config=proxy.plain-http=dns-ready";
    await cluster.k8ts("start", "--ip-family=ipv6", "--nodes=2", "--wait=all", plain);
    await cluster.k8ts("image", "build", "-t", IMAGE, WEB);
    await server("web", `${FIRST}-m02`);
    await server("far", FIRST);
    await Promise.all(["web", "far"].map(ready));
  });
  after(() => cluster?.destroy());

  test("pods, their API server, services and names are found by IPv6", async () => {
    const [ip = "", ...others] = await ips("web");
    assert.deepEqual(others, []);
    await answers("far", ip, /Hello from web/);
    const { clusterIPs, ipFamilies } = await service("web", { selector: { app: "web" } });
    assert.deepEqual(ipFamilies, ["IPv6"]);
    await answers("far", clusterIPs[0]!, /Hello from web/);
    await answers("far", "web", /Hello from web/);
    await lookup("far", `Address: ${clusterIPs[0]}`, "web.default.svc.cluster.local");
    assert.match(
      await cluster.kubectl("get", "--raw", "/api/v1/namespaces/default/pods/web/proxy/"),
      /Hello/,
    );
    assert.match(await cluster.kubectl("exec", "far", "--", "hostname"), /^far$/m);
    assert.match(
      await cluster.kubectl("get", "endpointslices", "kubernetes", "-o", "yaml"),
      /addressType: IPv6/,
    );
  });

  test("a node answers without TLS what was asked for, and nothing else", async () => {
    const [ip = ""] = await nodeIPs(FIRST);
    assert.equal(await httpStatus(`http://[${ip}]:8181/ready`), "200");
    assert.equal(await httpStatus(`https://[${ip}]:10256/livez`), "200");
    assert.equal(await httpStatus(`https://[${ip}]:9153/metrics`), "403");
    for (const port of [9153, 10_256])
      assert.equal(await httpStatus(`http://[${ip}]:${port}/`), "000", `${port}`);
  });

  test("a load balancer has an address of IPv6 alone, at which it answers this machine", async () => {
    await service("balanced", { selector: { app: "web" }, type: "LoadBalancer" });
    const path = "jsonpath={.status.loadBalancer.ingress[*].ip}";
    const ip = await eventually(
      "the address",
      async () => (await cluster.kubectl("get", "service", "balanced", "-o", path)) || undefined,
    );
    assert.match(ip, /^fd6b:3874:7300:[0-9a-f]+::e0$/);
    await eventually(`${ip} answers`, async () => {
      const { code, stdout } = await run(["curl", "-s", "-m", "2", `http://[${ip}]/`], process.env);
      return code === 0 && stdout.includes("Hello from web") ? true : undefined;
    });
    await answers("far", ip, /Hello from web/);
  });
});

/** As this machine sees it, whoever's certificate is shown; 000: no HTTP at all. */
async function httpStatus(url: string): Promise<string> {
  const command = ["curl", "-sk", "-m", "10", "-o", "/dev/null", "-w", "%{http_code}", url] as const;
  return (await run(command, process.env)).stdout;
}
