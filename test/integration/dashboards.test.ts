import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { silentLogger, systemClock } from "#apimachinery";
import { PersistentVolumeClaims } from "#api/core/v1/persistentvolumeclaim";
import { PersistentVolumes } from "#api/core/v1/persistentvolume";
import { Pods } from "#api/core/v1/pod";
import type { Pod } from "#api/core/v1/types.gen";
import { newClient, type Client } from "#client";
import { newHttpTransport, type HttpTransport } from "#client/node";
import { Metrics } from "#component-base";
import { createSimulatedRuntime, type Runtime } from "#cri";
import { CertificateMetrics, runKubelet, simulatedPlatform } from "#kubelet";
import { freePort, ServerHome, type ServerProcess } from "./server-process.ts";

/**
 * Series that the dashboards and rules of the kubernetes-mixin for Grafana and Prometheus ask a job for, and those of them
 * that it does not show here, with why. A family that is declared is shown, though nothing was counted yet.
 */
interface Job {
  readonly asked: readonly string[];
  readonly absent: Readonly<Record<string, string>>;
}

const PROCESS = ["process_resident_memory_bytes", "process_cpu_seconds_total", "process_start_time_seconds"];
const CLIENT = ["rest_client_requests_total", "rest_client_request_duration_seconds_bucket"];
const QUEUES = ["workqueue_adds_total", "workqueue_depth", "workqueue_queue_duration_seconds_bucket"];
const INFO = ["kubernetes_build_info", "kubernetes_feature_enabled"];
const NO_GO = { go_goroutines: "not a program in Go" };
const SIMULATED = "a simulated node has neither cgroups nor a network";
const NOT_TOLD = "runtimes count no packets";
/** The families are declared, and stay empty. */
const NO_QUEUES = {
  workqueue_queue_duration_seconds_bucket: "the server's own controllers have no work queues",
};

const JOBS: Readonly<Record<string, Job>> = {
  apiserver: {
    asked: [
      "apiserver_request_total",
      "apiserver_request_sli_duration_seconds_bucket",
      "apiserver_request_sli_duration_seconds_count",
      "apiserver_request_duration_seconds_bucket",
      "apiserver_request_terminations_total",
      "apiserver_current_inflight_requests",
      "apiserver_client_certificate_expiration_seconds_bucket",
      "apiserver_client_certificate_expiration_seconds_count",
      "aggregator_unavailable_apiservice",
      "aggregator_unavailable_apiservice_total",
      ...PROCESS,
      ...QUEUES,
      ...INFO,
      "go_goroutines",
    ],
    absent: {
      apiserver_request_terminations_total: "no request was terminated",
      ...NO_QUEUES,
      ...NO_GO,
    },
  },
  "kube-controller-manager": {
    asked: [...PROCESS, ...CLIENT, ...QUEUES, ...INFO, "running_managed_controllers", "go_goroutines"],
    absent: NO_GO,
  },
  "kube-scheduler": {
    asked: [
      "scheduler_schedule_attempts_total",
      "scheduler_scheduling_attempt_duration_seconds_bucket",
      "scheduler_scheduling_algorithm_duration_seconds_bucket",
      "scheduler_pod_scheduling_sli_duration_seconds_bucket",
      "scheduler_pending_pods",
      ...PROCESS,
      ...CLIENT,
      ...INFO,
      "go_goroutines",
    ],
    absent: NO_GO,
  },
  kubelet: {
    asked: [
      "kubelet_node_name",
      "kubelet_running_pods",
      "kubelet_running_containers",
      "volume_manager_total_volumes",
      "kubelet_runtime_operations_total",
      "kubelet_runtime_operations_errors_total",
      "kubelet_runtime_operations_duration_seconds_bucket",
      "kubelet_pod_start_duration_seconds_bucket",
      "kubelet_pod_start_duration_seconds_count",
      "kubelet_pod_start_sli_duration_seconds_bucket",
      "kubelet_pod_worker_duration_seconds_bucket",
      "kubelet_pod_worker_duration_seconds_count",
      "storage_operation_duration_seconds_bucket",
      "storage_operation_duration_seconds_count",
      "kubelet_cgroup_manager_duration_seconds_bucket",
      "kubelet_pleg_relist_duration_seconds_bucket",
      "kubelet_pleg_relist_duration_seconds_count",
      "kubelet_pleg_relist_interval_seconds_bucket",
      "kubelet_node_startup_duration_seconds",
      "kubelet_volume_stats_capacity_bytes",
      "kubelet_volume_stats_available_bytes",
      "kubelet_volume_stats_used_bytes",
      "kubelet_volume_stats_inodes",
      "kubelet_volume_stats_inodes_used",
      "kubelet_certificate_manager_client_ttl_seconds",
      ...PROCESS,
      ...CLIENT,
      ...INFO,
      "go_goroutines",
    ],
    absent: NO_GO,
  },
  cadvisor: {
    asked: [
      "container_cpu_usage_seconds_total",
      "container_cpu_cfs_periods_total",
      "container_cpu_cfs_throttled_periods_total",
      "container_memory_working_set_bytes",
      "container_memory_rss",
      "container_memory_cache",
      "container_memory_swap",
      "container_network_receive_bytes_total",
      "container_network_transmit_bytes_total",
      "container_network_receive_packets_total",
      "container_network_transmit_packets_total",
      "container_network_receive_packets_dropped_total",
      "container_network_transmit_packets_dropped_total",
      "container_fs_reads_total",
      "container_fs_writes_total",
      "container_fs_reads_bytes_total",
      "container_fs_writes_bytes_total",
      "machine_memory_bytes",
      "machine_cpu_cores",
    ],
    absent: {
      container_cpu_cfs_periods_total: SIMULATED,
      container_cpu_cfs_throttled_periods_total: SIMULATED,
      container_memory_cache: SIMULATED,
      container_memory_swap: SIMULATED,
      container_network_receive_bytes_total: SIMULATED,
      container_network_transmit_bytes_total: SIMULATED,
      container_network_receive_packets_total: NOT_TOLD,
      container_network_transmit_packets_total: NOT_TOLD,
      container_network_receive_packets_dropped_total: NOT_TOLD,
      container_network_transmit_packets_dropped_total: NOT_TOLD,
      container_fs_reads_total: SIMULATED,
      container_fs_writes_total: SIMULATED,
      container_fs_reads_bytes_total: SIMULATED,
      container_fs_writes_bytes_total: SIMULATED,
    },
  },
};

const signal = new AbortController().signal;
const VOLUME = "data";

suite("the dashboards of the kubernetes-mixin", () => {
  let home: ServerHome;
  let server: ServerProcess;
  let transport: HttpTransport;
  let runtime: Runtime;
  let kubelet: Promise<void> = Promise.resolve();
  const stop = new AbortController();
  const texts = new Map<string, string>();

  before(async () => {
    home = await ServerHome.make();
    const [scheduler, manager, node] = [await freePort(), await freePort(), await freePort()];
    server = await home.start(
      "--controllers=*",
      `--scheduler-secure-port=${scheduler}`,
      `--controller-manager-secure-port=${manager}`,
    );
    const clientMetrics = new Metrics();
    transport = await transportOf("system:node:n1", "system:nodes", clientMetrics);
    runtime = createSimulatedRuntime({ clock: systemClock, podCidr: "10.200.0.0/24" });
    kubelet = runNode(node, clientMetrics);
    const admin = await transportOf("admin", "system:masters", new Metrics());
    try {
      await runPod(newClient(admin, { userAgent: "test" }));
    } finally {
      await admin.close();
    }
    const scrape = async (job: string, path: string, port: number): Promise<void> => {
      const { code, text } = await server.ask(path, { certificate: home.admin, port });
      assert.equal(code, 200, `${job} answers ${code} ${text}`);
      texts.set(job, text);
    };
    await scrape("apiserver", "/metrics", home.port);
    await scrape("kube-controller-manager", "/metrics", manager);
    await scrape("kube-scheduler", "/metrics", scheduler);
    await scrape("kubelet", "/metrics", node);
    await scrape("cadvisor", "/metrics/cadvisor", node);
  });

  after(async () => {
    stop.abort();
    await kubelet;
    await runtime?.close();
    await transport?.close();
    await server?.[Symbol.asyncDispose]();
    await home?.[Symbol.asyncDispose]();
  });

  for (const [job, { asked, absent }] of Object.entries(JOBS)) {
    test(`${job} shows every series that they ask it for, but those that mean nothing here`, () => {
      const text = texts.get(job) ?? "";
      const shown = new Set(text.split("\n").map((line) => /^(?:# TYPE )?(\w+)/u.exec(line)?.[1]));
      assert.deepEqual(
        asked.filter((name) => !shown.has(name)),
        Object.keys(absent),
      );
    });

    test(`${job} names each family once, with its help and its type before its samples`, () => {
      const types = [...(texts.get(job) ?? "").matchAll(/^# TYPE (\w+) /gmu)].map(([, name]) => name!);
      assert.deepEqual(
        types.filter((name, i) => types.indexOf(name) !== i),
        [],
      );
    });
  }

  test("cadvisor labels containers as the rules join them", () => {
    const line = /^container_memory_working_set_bytes\{(.*container="web".*)\} /mu.exec(
      texts.get("cadvisor") ?? "",
    );
    const names = [...(line?.[1] ?? "").matchAll(/(\w+)="[^"]+"/gu)].map(([, name]) => name!);
    for (const name of ["container", "id", "image", "name", "namespace", "pod"])
      assert.ok(names.includes(name), `${name} is missing in ${line?.[0]}`);
  });

  async function transportOf(name: string, group: string, metrics: Metrics): Promise<HttpTransport> {
    const { certificatePem, privateKeyPem } = await home.identity(name, group);
    const clientCertificate = { cert: certificatePem, key: privateKeyPem };
    const config = { server: `https://127.0.0.1:${home.port}`, ca: home.ca.certificatePem };
    return newHttpTransport(
      { ...config, clientCertificate },
      { clock: systemClock, random: () => 0.5, metrics },
    );
  }

  async function runNode(port: number, clientMetrics: Metrics): Promise<void> {
    const { certificatePem: cert, privateKeyPem: key } = await home.issue(home.ca, "kubelet", "server");
    await runKubelet(
      {
        client: newClient(transport, { userAgent: "kubelet" }),
        clientMetrics,
        certificateMetrics: new CertificateMetrics(systemClock),
        clock: systemClock,
        random: () => 0.5,
        logger: silentLogger,
        nodeName: "n1",
        nodeIPs: ["127.0.0.1"],
        runtime,
        platform: simulatedPlatform(),
        rootDir: "/none",
        podLogsDir: "/none",
        clusterDNS: ["10.96.0.10"],
        clusterDomain: "cluster.local",
        server: { host: "127.0.0.1", port, cert, key, clientCA: home.ca.certificatePem },
      },
      stop.signal,
    );
  }

  /** One that was scheduled, and has a volume of a claim. */
  async function runPod(client: Client): Promise<void> {
    const metadata = { name: VOLUME, namespace: "default" };
    const resources = { requests: { storage: "1Gi" } };
    const accessModes = ["ReadWriteOnce"];
    const matchExpressions = [{ key: "kubernetes.io/hostname", operator: "In", values: ["n1"] }];
    await client.create(
      PersistentVolumes,
      {
        apiVersion: "v1",
        kind: "PersistentVolume",
        metadata: { name: VOLUME },
        spec: {
          accessModes,
          capacity: resources.requests,
          local: { path: "/none/data" },
          nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions }] } },
        },
      },
      signal,
    );
    const claim = { accessModes, resources, storageClassName: "", volumeName: VOLUME };
    const kind = { apiVersion: "v1", kind: "PersistentVolumeClaim" } as const;
    await client.create(PersistentVolumeClaims, { ...kind, metadata, spec: claim }, signal);
    const volumeMounts = [{ name: VOLUME, mountPath: "/data" }];
    const containers = [{ name: "web", image: "any/image:1", volumeMounts }];
    const volumes = [{ name: VOLUME, persistentVolumeClaim: { claimName: VOLUME } }];
    const pod = { apiVersion: "v1", kind: "Pod" } as const;
    await server.until(
      "/api/v1/namespaces/default/serviceaccounts/default",
      { certificate: home.admin },
      ({ code }) => code === 200,
    );
    await client.create(
      Pods,
      { ...pod, metadata: { name: "web", namespace: "default" }, spec: { containers, volumes } },
      signal,
    );
    await server.until<Pod>(
      "/api/v1/namespaces/default/pods/web",
      { certificate: home.admin },
      ({ json }) => json.status?.phase === "Running",
    );
  }
});
