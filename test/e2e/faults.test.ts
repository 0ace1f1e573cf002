/** Processes of a cluster that are killed while it works: nothing acknowledged is lost, and no container notices. */
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { ConfigMaps } from "#api/core/v1/configmap";
import { systemClock } from "#apimachinery";
import { newClient, type Client } from "#client";
import { newHttpTransport, type HttpTransport } from "#client/node";
import { TestCluster, eventually } from "./harness.ts";

const PROFILE = "e2efaults";
const WEB = join(import.meta.dirname, "../../examples/web");
const isRoot = process.geteuid?.() === 0;
const WRITERS = 16;
/** Enough that the server is in the middle of its work. */
const WRITES_BEFORE_KILL = 300;

suite("killed processes", { skip: isRoot ? false : "needs root: real containers" }, () => {
  let cluster: TestCluster;

  before(async () => {
    cluster = await TestCluster.prepare(PROFILE);
    await cluster.k8ts("start", "--wait=all");
    await cluster.k8ts("image", "build", "-t", "demo/web:1", WEB);
    await cluster.kubectl("create", "deployment", "web", "--image=demo/web:1", "--replicas=2");
    await cluster.kubectl("rollout", "status", "deploy/web", "--timeout=60s");
  });
  after(() => cluster?.destroy());

  test("server, under many writes: it comes back, and every acknowledged write is there", async (t) => {
    const containers = await containerIds();
    await using writers = startWriters("before");
    await writers.reach(WRITES_BEFORE_KILL);
    await using probe = clientOf();
    kill("server");
    const killedAt = performance.now();
    await eventually("the API answers", () => answers(probe.client));
    t.diagnostic(`the API answered ${Math.round(performance.now() - killedAt)} ms after kill -9`);
    const acknowledged = await writers.stop();
    t.diagnostic(`${acknowledged.length} writes were acknowledged`);
    const { items } = await probe.client.list(ConfigMaps, { namespace: "default" }, soon());
    const there = new Map(items.map(({ metadata, data }) => [metadata.name, data?.["value"]]));
    const lost = acknowledged.filter((name) => there.get(name) !== name);
    assert.deepEqual(lost, []);
    // the revision goes on where it was: what informers remember stays valid
    const newest = Math.max(...items.map(({ metadata }) => Number(metadata.resourceVersion)));
    const { metadata } = await probe.client.create(ConfigMaps, configMap("one-more"), soon());
    assert.ok(Number(metadata.resourceVersion) > newest);
    await cluster.kubectl("rollout", "status", "deploy/web", "--timeout=60s");
    assert.deepEqual(await containerIds(), containers);
  });

  test("server, during a rollout: the rollout completes", async () => {
    await cluster.kubectl("set", "env", "deploy/web", "ROUND=2");
    kill("server");
    await using probe = clientOf();
    await eventually("the API answers", () => answers(probe.client));
    await cluster.kubectl("rollout", "status", "deploy/web", "--timeout=60s");
    const path = "jsonpath={range .items[*]}[{.spec.containers[0].env[0].value}]{end}";
    await eventually("only new pods", async () =>
      (await cluster.kubectl("get", "pods", "-l", "app=web", "-o", path)) === "[2][2]" ? true : undefined,
    );
  });

  for (const [programs, how] of [
    [["agent"], "killed"],
    [["containerd"], "killed"],
    // by SIGTERM, as an upgrade of its package does it
    [["containerd"], "restarted"],
    [["agent", "containerd", "server"], "killed"],
  ] as const) {
    test(`${programs.join(", ")} ${how}: containers go on, are adopted and served`, async () => {
      const containers = await containerIds();
      const pids = programs.map((program) => pidOf(program));
      for (const program of programs) kill(program, how === "killed" ? "SIGKILL" : "SIGTERM");
      for (const [i, program] of programs.entries()) {
        await eventually(`a new ${program}`, async () => (isOther(program, pids[i]!) ? true : undefined));
      }
      await using probe = clientOf();
      await eventually("the API answers", () => answers(probe.client));
      const name = `after-${programs.join("-")}-${how}`;
      await cluster.kubectl("run", name, "--image=demo/web:1");
      await cluster.kubectl("wait", "--for=condition=Ready", `pod/${name}`, "--timeout=60s");
      assert.deepEqual(await containerIds(), containers);
      assert.equal(await cluster.kubectl("exec", "deploy/web", "--", "echo", "still here"), "still here\n");
      await cluster.kubectl("wait", "--for=condition=Ready", "node", "--all", "--timeout=60s");
      await cluster.kubectl("delete", "pod", name, "--grace-period=1");
    });
  }

  test("agent and containerd killed while they make a pod that is deleted meanwhile: nothing of it stays", async () => {
    const dir = join(cluster.home, "profiles", PROFILE, "nodes", `k8ts-${PROFILE}`, "pod-logs");
    const logs = (): readonly string[] => readdirSync(dir).filter((name) => name.startsWith("default_half-"));
    kill("containerd", "SIGSTOP");
    try {
      await cluster.kubectl("run", "half-made", "--image=demo/web:1");
      await eventually("its sandbox is asked for", async () => (logs().length === 1 ? true : undefined));
    } finally {
      for (const program of ["agent", "containerd"]) kill(program);
    }
    await cluster.kubectl("delete", "pod", "half-made", "--force", "--grace-period=0");
    await eventually("the end of its logs", async () => (logs().length === 0 ? true : undefined));
  });

  test("a container that is killed while no agent runs is found dead and restarted", async () => {
    const running = await containerIds();
    const [pod] = running[0]!.split(" ") as [string];
    kill("agent");
    const pid = Number(processIn(running[0]!));
    process.kill(pid, "SIGKILL");
    await eventually("a restart", async () => {
      const path = "jsonpath={.status.containerStatuses[0].restartCount}";
      return (await cluster.kubectl("get", "pod", pod, "-o", path)) === "1" ? true : undefined;
    });
    await cluster.kubectl("wait", "--for=condition=Ready", `pod/${pod}`, "--timeout=60s");
    assert.deepEqual((await containerIds()).slice(1), running.slice(1));
  });

  /** `POD CONTAINER-ID START` of every web pod. */
  async function containerIds(): Promise<readonly string[]> {
    const status =
      "{.status.containerStatuses[0].containerID} {.status.containerStatuses[0].state.running.startedAt}";
    const path = `jsonpath={range .items[*]}{.metadata.name} ${status}{"\\n"}{end}`;
    const text = await cluster.kubectl("get", "pods", "-l", "app=web", "-o", path);
    return text
      .trim()
      .split("\n")
      .toSorted((a, b) => a.localeCompare(b));
  }

  function pidOf(program: string): number {
    const name = program === "server" ? program : `k8ts-${PROFILE}.${program}`;
    return Number(readFileSync(join(cluster.home, "profiles", PROFILE, "pids", `${name}.child.pid`), "utf8"));
  }

  function isOther(program: string, than: number): boolean {
    const pid = pidOf(program);
    return pid > 0 && pid !== than;
  }

  function kill(program: string, signal: NodeJS.Signals = "SIGKILL"): void {
    process.kill(pidOf(program), signal);
  }

  /** A connection of its own to the API. */
  function clientOf(): { readonly client: Client } & AsyncDisposable {
    const transport = newTransport();
    return { client: newClient(transport), [Symbol.asyncDispose]: () => transport.close() };
  }

  function newTransport(): HttpTransport {
    const pki = join(cluster.home, "profiles", PROFILE, "pki");
    const file = (name: string): { readonly file: string } => ({ file: join(pki, name) });
    const { host, port } = (
      JSON.parse(readFileSync(join(pki, "../profile.json"), "utf8")) as {
        readonly apiServer: { readonly host: string; readonly port: number };
      }
    ).apiServer;
    const clientCertificate = { cert: file("admin.crt"), key: file("admin.key") };
    const config = { server: `https://${host}:${port}`, ca: file("ca.crt"), clientCertificate };
    return newHttpTransport(config, { clock: systemClock });
  }

  /** Each writes one config map after the other, over a connection of its own, and remembers what was acknowledged. */
  function startWriters(prefix: string): Writers {
    const acknowledged: string[] = [];
    const enough = Promise.withResolvers<void>();
    const stop = new AbortController();
    let wanted = Number.POSITIVE_INFINITY;
    const write = async (writer: number): Promise<void> => {
      await using own = clientOf();
      for (let i = 0; !stop.signal.aborted; i++) {
        const name = `${prefix}-${writer}-${i}`;
        try {
          await own.client.create(ConfigMaps, configMap(name), soon());
          acknowledged.push(name);
          if (acknowledged.length >= wanted) enough.resolve();
        } catch {
          await new Promise((resolve) => setTimeout(resolve, 50)); // the server is away: not acknowledged
        }
      }
    };
    const running = Array.from({ length: WRITERS }, (_, writer) => write(writer));
    const end = async (): Promise<readonly string[]> => {
      stop.abort();
      await Promise.all(running);
      return acknowledged;
    };
    return {
      reach(count) {
        wanted = count;
        return enough.promise;
      },
      stop: end,
      [Symbol.asyncDispose]: async () => void (await end()),
    };
  }
});

interface Writers extends AsyncDisposable {
  /** Resolves when so many writes were acknowledged. */
  reach(count: number): Promise<void>;
  /** Resolves with the names of those that were. */
  stop(): Promise<readonly string[]>;
}

function configMap(name: string): { apiVersion: "v1"; kind: "ConfigMap" } & {
  metadata: { name: string; namespace: string };
  data: Record<string, string>;
} {
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name, namespace: "default" },
    data: { value: name },
  };
}

/** The main process, as containerd's shim for the container has written it down. */
function processIn(container: string): string {
  const id = /containerd:\/\/(\S+)/.exec(container)![1]!;
  const state = `/run/k8ts/${PROFILE}/k8ts-${PROFILE}/containerd`;
  return readFileSync(`${state}/io.containerd.runtime.v2.task/k8s.io/${id}/init.pid`, "utf8");
}

async function answers(client: Client): Promise<true | undefined> {
  for await (const _ of client.transport.stream(
    { method: "GET", path: "/readyz" },
    AbortSignal.timeout(1_000),
  ))
    break;
  return true;
}

function soon(): AbortSignal {
  return AbortSignal.timeout(15_000);
}
