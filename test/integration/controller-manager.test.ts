import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { get } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Command } from "commander";
import { systemClock } from "#apimachinery";
import { Deployments } from "#api/apps/v1/deployment";
import { Jobs } from "#api/batch/v1/job";
import { Leases } from "#api/coordination/v1/lease";
import { Events } from "#api/core/v1/event";
import { ServiceAccounts } from "#api/core/v1/serviceaccount";
import { startTestCluster } from "#testing";
import { addControllerManager } from "../../src/cmd/controller-manager/add-command.ts";
import type { World } from "../../src/cmd/k8ts.ts";
import { freePort } from "./server-process.ts";

const LEASE = { namespace: "kube-system", name: "kube-controller-manager" };

interface Process extends AsyncDisposable {
  stop(): Promise<void>;
}

/** As from the command line, in this process. */
function startManagerCommand(args: readonly string[], logDir: string): Process {
  const abort = new AbortController();
  const program = new Command().exitOverride();
  addControllerManager(program, { signal: abort.signal } as unknown as World, systemClock);
  const argv = ["kube-controller-manager", "--log-dir", logDir, ...args];
  const ended = program.parseAsync(argv, { from: "user" });
  ended.catch(() => {});
  const stop = async (): Promise<void> => {
    abort.abort();
    await ended;
  };
  return { stop, [Symbol.asyncDispose]: stop };
}

function fetchText(url: string, token?: string): Promise<{ readonly status: number; readonly body: string }> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return new Promise((resolve, reject) => {
    get(url, { rejectUnauthorized: false, headers }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (text: string) => (body += text));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
    }).on("error", reject);
  });
}

/** A manager works as soon as it leads, whether or not its port is open yet. */
async function onceServed<T>(fetch: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (;;) {
    try {
      return await fetch();
    } catch (err) {
      if ((err as NodeJS.ErrnoException).code !== "ECONNREFUSED") throw err;
      await systemClock.sleep(50, signal);
    }
  }
}

const labels = { app: "web" };
const template = { metadata: { labels }, spec: { containers: [{ name: "web", image: "demo/web:1" }] } };

test("kube-controller-manager rolls out as accounts of its own, and of two the second takes over", async () => {
  const dir = await mkdtemp(join(tmpdir(), "k8ts-kcm-"));
  await using cluster = await startTestCluster({ controllers: false, listen: true });
  const { client, signal } = cluster;
  const kubeconfig = join(dir, "kubeconfig");
  await writeFile(kubeconfig, cluster.kubeconfig!);
  const port = await freePort();
  const common = [
    "--kubeconfig",
    kubeconfig,
    "--use-service-account-credentials",
    "--leader-elect-retry-period=100ms",
    "--controllers=*,-ttl-after-finished",
    "--bind-address=127.0.0.1",
  ];
  await using first = startManagerCommand([...common, `--secure-port=${port}`], dir);
  const held = await cluster.waitFor(Leases, LEASE, (lease) => (lease?.spec?.holderIdentity ?? "") !== "");
  await using second = startManagerCommand([...common, "--secure-port=0"], dir);
  const web = { namespace: "default", name: "web" };
  await client.create(
    Deployments,
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: web,
      spec: { replicas: 2, selector: { matchLabels: labels }, template },
    },
    signal,
  );
  await cluster.waitFor(Deployments, web, (d) => d?.status?.readyReplicas === 2);
  const account = { namespace: "kube-system", name: "deployment-controller" };
  await cluster.waitFor(ServiceAccounts, account, (found) => found !== undefined);

  const work = { namespace: "default", name: "work" };
  const parallelism = 1;
  const podSpec = { ...template.spec, restartPolicy: "Never" };
  await client.create(
    Jobs,
    {
      apiVersion: "batch/v1",
      kind: "Job",
      metadata: work,
      spec: { parallelism, template: { spec: podSpec } },
    },
    signal,
  );
  await cluster.waitFor(Jobs, work, (job) => job?.status?.active === 1);

  const base = `https://127.0.0.1:${port}`;
  assert.deepEqual(await onceServed(() => fetchText(`${base}/healthz`), signal), { status: 200, body: "ok" });
  assert.equal((await fetchText(`${base}/metrics`)).status, 403);
  const metrics = await fetchText(`${base}/metrics`, await tokenOfAdmin(cluster));
  assert.equal(metrics.status, 200);
  assert.match(metrics.body, /leader_election_master_status\{name="kube-controller-manager"\} 1/);
  assert.match(metrics.body, /workqueue_adds_total\{name="deployment"\} [1-9]/);
  assert.match(metrics.body, /job_controller_job_syncs_total\{.*action="pods_created"\} 1/);
  assert.match(metrics.body, /job_controller_job_pods_creation_total\{reason="new",status="succeeded"\} 1/);
  assert.doesNotMatch(metrics.body, /workqueue_adds_total\{name="ttl_jobs_to_delete"\}/);

  await first.stop();
  await cluster.waitFor(Leases, LEASE, (lease) => {
    const holder = lease?.spec?.holderIdentity ?? "";
    return holder !== "" && holder !== held.spec!.holderIdentity;
  });
  await client.patch(Deployments, web, { type: "merge", body: { spec: { replicas: 3 } } }, signal);
  await cluster.waitFor(Deployments, web, (d) => d?.status?.readyReplicas === 3);
  const events = await client.list(Events, { namespace: "kube-system" }, signal);
  const told = events.items.filter(({ reason }) => reason === "LeaderElection");
  assert.ok(told.some(({ message }) => message === `${held.spec!.holderIdentity} became leader`));
  await second.stop();
  await rm(dir, { recursive: true });
});

/** Of an account that may read everything. */
async function tokenOfAdmin({
  client,
  signal,
}: Awaited<ReturnType<typeof startTestCluster>>): Promise<string> {
  const { ClusterRoleBindings } = await import("#api/rbac/v1/clusterrolebinding");
  const name = "reader";
  const metadata = { namespace: "default", name };
  await client.create(ServiceAccounts, { apiVersion: "v1", kind: "ServiceAccount", metadata }, signal);
  await client.create(
    ClusterRoleBindings,
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRoleBinding",
      metadata: { name },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "cluster-admin" },
      subjects: [{ kind: "ServiceAccount", ...metadata }],
    },
    signal,
  );
  const body = {
    apiVersion: "authentication.k8s.io/v1",
    kind: "TokenRequest",
    metadata: {},
    spec: { audiences: [] },
  };
  const answer = await client.createSubresource(ServiceAccounts, metadata, "token", body, signal);
  return (answer as { readonly status: { readonly token: string } }).status.token;
}
