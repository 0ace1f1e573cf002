/**
 * The checks of the CIS Kubernetes Benchmark that apply, against a cluster as `k8ts start` makes it: docs/security.md has the
 * list, with those that do not apply and why.
 */
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { X509Certificate } from "node:crypto";
import { FakeClock, systemClock } from "#apimachinery";
import {
  createCertificateAuthority,
  issueCertificate,
  loadCertificateAuthority,
  readKeyPair,
  writeKeyPair,
} from "#component-base/pki";
import { eventually, TestCluster, run } from "../e2e/harness.ts";
import { ask, checkFile, checkTls, files, handshake, pairIn, serialOf } from "./cis-checks.ts";

const PROFILE = "cisbench";
const HOUR_MS = 3_600_000;
let cluster: TestCluster;
let dir = "";
let node = "";
let apiPort = 0;
let kubeletPort = 0;
let server: ReadonlyMap<string, string>;
let ca = "";

before(async () => {
  cluster = await TestCluster.prepare(PROFILE);
  await cluster.k8ts("start", "--driver=simulated");
  dir = join(cluster.home, "profiles", PROFILE);
  node = join(dir, "nodes", `k8ts-${PROFILE}`);
  const profile = JSON.parse(await readFile(join(dir, "profile.json"), "utf8")) as {
    apiServer: { port: number };
    nodes: { kubeletPort: number }[];
  };
  apiPort = profile.apiServer.port;
  kubeletPort = profile.nodes[0]!.kubeletPort;
  server = flagsOf("server");
  ca = await readFile(join(dir, "pki/ca.crt"), "utf8");
});
after(() => cluster?.destroy());

/** Of the process as it runs. */
function flagsOf(name: string): ReadonlyMap<string, string> {
  const pid = readFileSync(join(dir, "pids", `${name}.child.pid`), "utf8").trim();
  const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  return new Map(
    words
      .filter((word) => word.startsWith("--"))
      .map((word) => {
        const [flag = "", ...value] = word.slice(2).split("=");
        return [flag, value.join("=")];
      }),
  );
}

function asUser(name: string, ...args: string[]): Promise<{ code: number; stdout: string }> {
  return run([cluster.kubectlPath, `--as=${name}`, ...args], cluster.env);
}

async function json<T>(...args: string[]): Promise<T> {
  return JSON.parse(await cluster.kubectl(...args, "-o", "json")) as T;
}

suite("CIS 1.1 files of the control plane", () => {
  test("CIS 1.1.1-1.1.8 manifests of the control plane are their owner's alone", () => {
    const manifests = files(join(node, "manifests"), ".json");
    assert.ok(manifests.length >= 3);
    for (const file of manifests) checkFile(file, 0o600);
  });

  test("CIS 1.1.15-1.1.18 scheduler and controller manager have no kubeconfig: they are parts of the server's process", () => {
    const all = readdirSync(dir, { recursive: true }).map(String);
    assert.deepEqual(
      all.filter((name) =>
        /(?:scheduler|controller-manager|kubelet|kube-proxy)\.(?:conf|kubeconfig|yaml)$/.test(name),
      ),
      [],
    );
    assert.equal(server.has("kubeconfig"), false);
  });

  test("CIS 1.1.11-1.1.12 the folder of the store is its owner's alone", () =>
    checkFile(join(dir, "data"), 0o700));

  test("CIS 1.1.13-1.1.14 the kubeconfig of the administrator is its owner's alone", () =>
    checkFile(join(cluster.home, "kubeconfig"), 0o600));

  test("CIS 1.1.19-1.1.21 certificates are 644 and keys 600 at most, in a folder of their owner's", () => {
    checkFile(join(dir, "pki"), 0o700);
    const keys = files(join(dir, "pki"), ".key");
    const certificates = files(join(dir, "pki"), ".crt");
    assert.ok(keys.length >= 5 && certificates.length >= 5);
    for (const file of certificates) checkFile(file, 0o644);
    for (const file of keys) checkFile(file, 0o600);
  });
});

suite("CIS 1.2 API server", () => {
  test("CIS 1.2.1 who shows no credentials sees health and version, and nothing else", async () => {
    assert.equal((await ask(apiPort, "/readyz")).code, 200);
    for (const path of [
      "/api/v1/namespaces",
      "/api/v1/secrets",
      "/metrics",
      "/logs",
      "/openapi/v2",
      "/api",
    ]) {
      assert.equal((await ask(apiPort, path)).code, 403, path);
    }
  });

  test("CIS 1.2.2 no static tokens", () => assert.equal(server.has("token-auth-file"), false));

  test("CIS 1.2.4-1.2.5 the API server shows the kubelet a certificate and checks the kubelet's", async () => {
    const client = new X509Certificate(await readFile(join(dir, "pki/apiserver-kubelet-client.crt")));
    assert.match(client.subject, /CN=kube-apiserver-kubelet-client/);
    assert.doesNotMatch(client.subject, /system:masters/);
    const socket = await handshake(kubeletPort, {
      ca,
      rejectUnauthorized: true,
      servername: `k8ts-${PROFILE}`,
    });
    socket.destroy();
    assert.equal(await cluster.kubectl("get", "--raw", `/api/v1/nodes/k8ts-${PROFILE}/proxy/healthz`), "ok");
  });

  test("CIS 1.2.6-1.2.8 Node and RBAC decide, and nobody is always allowed", async () => {
    assert.equal(server.has("authorization-mode"), false);
    assert.equal(server.has("authorization-config"), false);
    const nobody = await asUser("nobody", "auth", "can-i", "get", "pods");
    assert.equal(nobody.stdout.trim(), "no");
    const other = ["auth", "can-i", "get", "secrets/x", "--as-group=system:nodes"];
    assert.match((await asUser("system:node:other", ...other)).stdout, /^no\b/);
  });

  test("CIS 1.2.10 1.2.12-1.2.14 AlwaysAdmit is off; ServiceAccount, NamespaceLifecycle and NodeRestriction are on", async () => {
    assert.equal(server.has("enable-admission-plugins"), false);
    assert.equal(server.has("disable-admission-plugins"), false);
    await cluster.kubectl("run", "cis", "--image=any/image:1");
    assert.equal(
      await cluster.kubectl("get", "pod", "cis", "-o", "jsonpath={.spec.serviceAccountName}"),
      "default",
    );
    const immortal = await cluster.tryKubectl(["delete", "namespace", "kube-system"]);
    assert.match(immortal.stderr, /this namespace may not be deleted/);
    // its own, which the authorizer lets it change
    const restricted = await cluster.tryKubectl([
      `--as=system:node:k8ts-${PROFILE}`,
      "--as-group=system:nodes",
      "label",
      "node",
      `k8ts-${PROFILE}`,
      "node-restriction.kubernetes.io/cis=true",
    ]);
    assert.match(restricted.stderr, /is not allowed to modify labels: node-restriction\.kubernetes\.io\/cis/);
  });

  test("CIS 1.2.15 1.3.2 1.4.1 nothing answers profiles", async () => {
    for (const path of ["/debug/pprof/", "/debug/pprof/profile", "/debug/flags/v"]) {
      const { code } = await cluster.tryKubectl(["get", "--raw", path]);
      assert.notEqual(code, 0, path);
    }
  });

  test("CIS 1.2.16-1.2.19 3.2.1 3.2.2 writes and credentials are recorded, without bodies, for thirty days", async () => {
    assert.deepEqual(
      ["audit-log-maxage", "audit-log-maxbackup", "audit-log-maxsize"].map((flag) => server.get(flag)),
      ["30", "10", "100"],
    );
    await cluster.kubectl("create", "secret", "generic", "cis", "--from-literal=password=hunter2hunter2");
    await cluster.kubectl("get", "secret", "cis");
    const log = server.get("audit-log-path")!;
    checkFile(log, 0o600);
    checkFile(server.get("audit-policy-file")!, 0o600);
    await cluster.k8ts("stop"); // what waits in memory is written
    const text = await readFile(log, "utf8");
    await cluster.k8ts("start");
    const events = text
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { verb: string; objectRef?: { resource: string; name?: string } });
    for (const verb of ["create", "get"]) {
      assert.ok(
        events.some(
          (event) =>
            event.verb === verb && event.objectRef?.resource === "secrets" && event.objectRef.name === "cis",
        ),
        verb,
      );
    }
    assert.ok(!text.includes(Buffer.from("hunter2hunter2").toString("base64")));
  });

  test("CIS 1.2.21-1.2.22 1.2.30 tokens end with their account, and are not extended", async () => {
    assert.equal(server.get("service-account-extend-token-expiration"), "false");
    await cluster.kubectl("create", "serviceaccount", "cis");
    const token = (await cluster.kubectl("create", "token", "cis")).trim();
    const flags = [
      "--server",
      `https://127.0.0.1:${apiPort}`,
      "--insecure-skip-tls-verify",
      "--token",
      token,
    ];
    const anew = (): Promise<{ code: number; stderr: string }> =>
      run([cluster.kubectlPath, "--kubeconfig=/dev/null", ...flags, "auth", "whoami"], cluster.env);
    assert.equal((await anew()).code, 0);
    await cluster.kubectl("delete", "serviceaccount", "cis");
    // An answer is remembered for ten seconds, as upstream.
    const refused = async (): Promise<true | undefined> => ((await anew()).code === 0 ? undefined : true);
    await eventually("the token is refused", refused);
  });

  test("CIS 1.2.24-1.2.25 1.2.29 TLS 1.2 at least, with forward secrecy and authenticated ciphers", () =>
    checkTls(apiPort));
});

suite("CIS 1.2 and 1.3 what is left at upstream's default", () => {
  test("CIS 1.2.20 1.2.23 1.2.26 1.3.1 2.1-2.7 timeouts and thresholds are upstream's, and there is no etcd", () => {
    for (const flag of ["request-timeout", "terminated-pod-gc-threshold", "etcd-servers"])
      assert.equal(server.has(flag), false, flag);
  });

  test("CIS 1.2.3 1.2.9 1.2.11 1.2.27-1.2.28 what is to be chosen by hand is what its owner chose", async () => {
    assert.equal(server.has("encryption-provider-config"), false);
    const spec = { ports: [{ port: 80 }], externalIPs: ["192.0.2.1"] };
    const service = { apiVersion: "v1", kind: "Service", metadata: { name: "cis" }, spec };
    assert.match(await cluster.apply(service), /service\/cis created/);
  });
});

suite("CIS 1.3 and 1.4 controller manager and scheduler", () => {
  test("CIS 1.3.3 each controller acts as its own account", async () => {
    await cluster.kubectl("create", "deployment", "cis", "--image=any/image:1");
    await cluster.kubectl("rollout", "status", "deploy/cis", "--timeout=30s");
    const can = ["auth", "can-i", "create", "pods"];
    assert.equal((await asUser("system:kube-controller-manager", ...can)).stdout.trim(), "no");
    const own = "system:serviceaccount:kube-system:replicaset-controller";
    assert.equal((await asUser(own, ...can)).stdout.trim(), "yes");
  });

  test("CIS 1.3.4-1.3.5 tokens are signed with a key of their own, and every namespace has the root's certificate", async () => {
    assert.notEqual(
      readFileSync(join(dir, "pki/sa.key"), "utf8"),
      readFileSync(join(dir, "pki/apiserver.key"), "utf8"),
    );
    const found = await cluster.kubectl(
      "get",
      "configmap",
      "kube-root-ca.crt",
      "-o",
      "jsonpath={.data.ca\\.crt}",
    );
    assert.equal(found.trim(), ca.trim());
  });

  test("CIS 1.3.7 1.4.2 they listen on loopback or nowhere", () => {
    assert.equal(server.get("scheduler-secure-port"), "0");
    assert.equal(server.get("controller-manager-secure-port"), "0");
    assert.equal(server.has("component-bind-address"), false);
  });
});

suite("CIS 4 nodes", () => {
  test("CIS 4.1.3-4.1.8 identities of the node are its owner's alone", () => {
    const pki = join(node, "pki");
    checkFile(pki, 0o700);
    for (const file of files(pki, ".crt")) checkFile(file, 0o644);
    const secret = [...files(pki, ".key"), ...files(pki, ".pem")];
    assert.ok(secret.length > 0);
    for (const file of secret) checkFile(file, 0o600);
  });

  test("CIS 4.2.1-4.2.3 kubelet's API wants a certificate or token, and asks the API server who may what", async () => {
    for (const path of [
      "/pods",
      "/metrics",
      "/configz",
      "/exec/a/b/c",
      "/containerLogs/a/b/c",
      "/run/a/b/c",
    ]) {
      assert.equal((await ask(kubeletPort, path)).code, 401, path);
    }
  });

  test("CIS 4.2.2-4.2.3 who is known may do at the kubelet what roles give, and certificates of others are nobody's", async () => {
    const token = (await cluster.kubectl("create", "token", "default")).trim();
    const headers = { authorization: `Bearer ${token}` };
    for (const path of ["/pods", "/metrics", "/exec/a/b/c"]) {
      const { code, text } = await ask(kubeletPort, path, { headers });
      assert.equal(code, 403, text);
    }
    await cluster.kubectl(
      "create",
      "clusterrolebinding",
      "cis",
      "--clusterrole=system:kubelet-api-admin",
      "--serviceaccount=default:cis-kubelet",
    );
    await cluster.kubectl("create", "serviceaccount", "cis-kubelet");
    const admin = (await cluster.kubectl("create", "token", "cis-kubelet")).trim();
    const allowed = await ask(kubeletPort, "/metrics", { headers: { authorization: `Bearer ${admin}` } });
    assert.equal(allowed.code, 200);
    assert.match(allowed.text, /^kubelet_certificate_manager_client_ttl_seconds \d+$/m);
    const foreign = await createCertificateAuthority("kubernetes", systemClock);
    const { certificatePem: cert, privateKeyPem: key } = await issueCertificate(
      foreign,
      { commonName: "kubernetes-admin", organizations: ["system:masters"], usages: ["client"] },
      systemClock,
    );
    assert.equal((await ask(kubeletPort, "/pods", { cert, key })).code, 401);
  });

  test("CIS 4.1.1-4.1.2 4.1.9-4.1.10 the kubelet has its configuration from its supervisor alone, and 4.2.7 no other host name", () => {
    const agent = flagsOf(`k8ts-${PROFILE}.agent`);
    for (const flag of ["config", "kubeconfig", "hostname-override"])
      assert.equal(agent.has(flag), false, flag);
    for (const flag of ["read-only-port", "anonymous-auth", "authorization-mode"])
      assert.equal(agent.has(flag), false, flag);
  });

  test("CIS 4.2.4 no port without authentication", async () => {
    await assert.rejects(ask(10_255, "/pods"), { code: "ECONNREFUSED" });
  });

  test("CIS 1.3.6 4.2.9 4.2.10-4.2.11 4.2.12 kubelet's TLS is as strict, with a certificate of the cluster that is renewed", async () => {
    await checkTls(kubeletPort);
    const client = await readFile(join(node, "pki/kubelet-client-current.pem"), "utf8");
    const { subject, issuer } = new X509Certificate(client);
    assert.match(subject, new RegExp(`O=system:nodes\\nCN=system:node:k8ts-${PROFILE}`));
    assert.match(issuer, /CN=kubernetes/);
  });

  test("CIS 4.2.10-4.2.11 a kubelet whose client certificate comes to its end asks for the next one, and goes on with it", async () => {
    const name = `k8ts-${PROFILE}`;
    assert.equal(flagsOf(`${name}.agent`).get("rotate-certificates"), undefined);
    const pki = join(node, "pki");
    const authority = await loadCertificateAuthority(await readKeyPair(pairIn(join(dir, "pki"), "ca")));
    // nine tenths of its life are over: kubelet may wait no longer
    const subject = { commonName: `system:node:${name}`, organizations: ["system:nodes"] };
    const born = new FakeClock(systemClock.now() - 10 * HOUR_MS);
    const validityMs = 10.5 * HOUR_MS;
    const old = await issueCertificate(authority, { ...subject, usages: ["client"], validityMs }, born);
    await writeKeyPair(pairIn(pki, "kubelet-client"), old);
    await rm(join(pki, "kubelet-client-current.pem"), { force: true });
    const { serialNumber } = new X509Certificate(old.certificatePem);
    const pidFile = join(dir, "pids", `${name}.agent.child.pid`);
    process.kill(Number(readFileSync(pidFile, "utf8")), "SIGTERM");
    const renewed = await eventually("the next certificate", async () => {
      const text = await readFile(join(pki, "kubelet-client-current.pem"), "utf8").catch(() => "");
      const leaf = text === "" ? undefined : new X509Certificate(text);
      return leaf === undefined || leaf.serialNumber === serialNumber ? undefined : leaf;
    });
    assert.match(renewed.subject, new RegExp(`O=system:nodes\\nCN=system:node:${name}`));
    assert.ok(renewed.verify(new X509Certificate(ca).publicKey));
    checkFile(join(pki, "kubelet-client-current.pem"), 0o600);
    interface Request {
      readonly spec: { readonly signerName: string; readonly username: string };
      readonly status: {
        readonly certificate?: string;
        readonly conditions?: readonly { readonly type: string }[];
      };
    }
    const { items } = await json<{ items: Request[] }>("get", "certificatesigningrequests");
    const own = items.find(
      ({ status }) =>
        status.certificate !== undefined &&
        new X509Certificate(Buffer.from(status.certificate, "base64")).serialNumber === renewed.serialNumber,
    );
    assert.deepEqual(
      [own?.spec.signerName, own?.spec.username, own?.status.conditions?.map(({ type }) => type)],
      ["kubernetes.io/kube-apiserver-client-kubelet", `system:node:${name}`, ["Approved"]],
    );
    // what it writes as itself it writes with the new one
    await cluster.kubectl("run", "cis-renewed", "--image=any/image:1");
    await cluster.kubectl("wait", "--for=condition=Ready", "pod/cis-renewed", "--timeout=60s");
  });
});

async function shownCertificates(): Promise<
  ReadonlyMap<string, { readonly expires: string; readonly isAuthority: boolean }>
> {
  const shown = await cluster.k8ts("certs", "check", "--output=json");
  const rows = JSON.parse(shown) as { name: string; expires: string; isAuthority: boolean }[];
  return new Map(rows.map((row) => [row.name, row]));
}

suite("certificates", () => {
  test("CIS 4.2.11 are shown, and renewed while the cluster runs", async () => {
    const earlier = await shownCertificates();
    const served = await serialOf(apiPort);
    const servedByKubelet = await serialOf(kubeletPort);
    const renewed = (await readFile(join(cluster.home, "kubeconfig"), "utf8")).trim();
    await cluster.k8ts("certs", "renew");
    const now = await shownCertificates();
    assert.deepEqual([...now.keys()], [...earlier.keys()]);
    for (const name of ["apiserver", "admin"])
      assert.ok(now.get(name)!.expires > earlier.get(name)!.expires, name);
    for (const [name, { expires, isAuthority }] of earlier)
      if (isAuthority) assert.equal(now.get(name)!.expires, expires, name);
    assert.notEqual((await readFile(join(cluster.home, "kubeconfig"), "utf8")).trim(), renewed);
    await eventually("the new certificate is served", async () =>
      (await serialOf(apiPort)) === served ? undefined : true,
    );
    await eventually("kubelet's new certificate is served", async () =>
      (await serialOf(kubeletPort)) === servedByKubelet ? undefined : true,
    );
    await cluster.kubectl("get", "nodes");
    const unknown = await cluster.tryK8ts(["certs", "renew", "nobody"]);
    assert.notEqual(unknown.code, 0);
    assert.match(unknown.stderr, /has no certificate "nobody"/);
  });
});

suite("CIS 5 policies", () => {
  interface Binding {
    readonly metadata: { readonly name: string };
    readonly roleRef: { readonly name: string };
    readonly subjects?: readonly { readonly kind: string; readonly name: string }[];
  }

  test("CIS 5.1.1 5.1.7 cluster-admin is bound to its group alone, and no component is of system:masters", async () => {
    const { items } = await json<{ items: Binding[] }>("get", "clusterrolebindings");
    const admins = items.filter(({ roleRef }) => roleRef.name === "cluster-admin");
    const subjects = admins.flatMap((binding) => binding.subjects ?? []);
    const allowed = ["system:masters", "kubeadm:cluster-admins", "k8ts:cluster-admins"];
    assert.ok(subjects.length > 0);
    for (const { kind, name } of subjects)
      assert.ok(kind === "Group" && allowed.includes(name), `${kind} ${name}`);
    const certificates = [...files(join(dir, "pki"), ".crt"), ...files(join(node, "pki"), ".crt")];
    for (const file of certificates.filter((path) => !path.endsWith("/admin.crt"))) {
      assert.doesNotMatch(new X509Certificate(await readFile(file)).subject, /system:masters/, file);
    }
  });

  test("CIS 5.1.1 nobody has every right by a role of another name, or by a binding in a namespace", async () => {
    interface Rule {
      readonly verbs: readonly string[];
      readonly apiGroups?: readonly string[];
      readonly resources?: readonly string[];
    }
    interface Role {
      readonly metadata: { readonly name: string };
      readonly rules?: readonly Rule[] | null;
    }
    const isAll = ({ verbs, apiGroups, resources }: Rule): boolean =>
      [verbs, apiGroups, resources].every((list) => list?.includes("*") === true);
    const roles = await json<{ items: Role[] }>("get", "clusterroles");
    const mighty = roles.items.filter(({ rules }) => rules?.some(isAll) === true);
    const names = mighty.map(({ metadata }) => metadata.name);
    assert.deepEqual(names, ["cluster-admin"]);
    const local = await json<{ items: Binding[] }>("get", "rolebindings", "-A");
    assert.deepEqual(
      local.items.filter(({ roleRef }) => names.includes(roleRef.name)),
      [],
    );
    const namespaced = await json<{ items: Role[] }>("get", "roles", "-A");
    assert.deepEqual(
      namespaced.items.filter(({ rules }) => rules?.some(isAll) === true),
      [],
    );
    for (const who of [
      `system:node:k8ts-${PROFILE}`,
      "system:kube-scheduler",
      "system:kube-controller-manager",
      "system:kube-proxy",
      "kube-apiserver-kubelet-client",
      "front-proxy-client",
    ])
      assert.equal((await asUser(who, "auth", "can-i", "*", "*")).stdout.trim(), "no", who);
  });

  test("CIS 5.1.1 5.1.7 of all that writes while the cluster works, only the server's own start is of system:masters", async () => {
    await cluster.kubectl("create", "deployment", "busy", "--image=any/image:1", "--replicas=2");
    await cluster.kubectl("rollout", "status", "deploy/busy", "--timeout=60s");
    interface Event {
      readonly user: { readonly username: string; readonly groups?: readonly string[] };
    }
    const workers = [
      "kubernetes-admin",
      "system:serviceaccount:kube-system:replicaset-controller",
      "system:kube-scheduler",
      `system:node:k8ts-${PROFILE}`,
    ];
    const masters = await eventually("those who work are in the audit log", async () => {
      const lines = (await readFile(server.get("audit-log-path")!, "utf8")).split("\n").slice(0, -1);
      const users = lines.map((line) => (JSON.parse(line) as Event).user);
      const names = new Set(users.map(({ username }) => username));
      if (!workers.every((name) => names.has(name))) return undefined;
      return new Set(
        users.filter(({ groups }) => groups?.includes("system:masters")).map(({ username }) => username),
      );
    });
    assert.deepEqual(
      [...masters].filter((name) => name !== "system:apiserver"),
      [],
    );
    await cluster.kubectl("delete", "deployment", "busy");
  });

  test("CIS 5.1.5 default accounts have no rights", async () => {
    for (const namespace of ["default", "kube-system"]) {
      const can = await asUser(
        `system:serviceaccount:${namespace}:default`,
        "auth",
        "can-i",
        "get",
        "secrets",
      );
      assert.equal(can.stdout.trim(), "no", namespace);
    }
  });

  test("CIS 5.2.1 Pod Security refuses what the labels of a namespace forbid", async () => {
    await cluster.kubectl("create", "namespace", "cis");
    await cluster.kubectl("label", "namespace", "cis", "pod-security.kubernetes.io/enforce=restricted");
    const { stderr } = await cluster.tryKubectl(["run", "p", "-n", "cis", "--image=any/image:1"]);
    assert.match(stderr, /violates PodSecurity "restricted:latest"/);
  });
});
