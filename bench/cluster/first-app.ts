/** The README's demo: an image built, a Deployment and a Service of it, until it answers and DNS knows its name. @module */
import { createSocket } from "node:dgram";
import { request } from "node:http";
import { join } from "node:path";
import { decode, encode } from "dns-packet";
import { Deployments } from "#api/apps/v1/deployment";
import { Services } from "#api/core/v1/service";
import type { BenchCluster } from "./bench-cluster.ts";

const WEB = join(import.meta.dirname, "../../examples/web");
const IMAGE = "demo/web:1";
const namespace = "default";
const NAME = "web";
/** Between two tries; a share of the result's error. */
const RETRY_MS = 5;
const TRY_MS = 500;
const TRIES_MAX = 10_000;

/** Resolves when the first request through the Service and the first question for its name are answered. */
export async function serveFirstApp(
  { client, nodeIP, k8ts }: BenchCluster,
  signal: AbortSignal,
): Promise<void> {
  await k8ts("image", "build", "-t", IMAGE, WEB);
  const labels = { app: NAME };
  const containers = [{ name: NAME, image: IMAGE, ports: [{ containerPort: 80 }] }];
  const [service] = await Promise.all([
    client.create(
      Services,
      {
        apiVersion: "v1",
        kind: "Service",
        metadata: { name: NAME, namespace },
        spec: { type: "NodePort", selector: labels, ports: [{ port: 80 }] },
      },
      signal,
    ),
    client.create(
      Deployments,
      {
        apiVersion: "apps/v1",
        kind: "Deployment",
        metadata: { name: NAME, namespace },
        spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers } } },
      },
      signal,
    ),
  ]);
  const { nodePort } = service.spec!.ports![0]!;
  const { clusterIP } = service.spec!;
  await Promise.all([
    untilTrue("the service answers", () => answersHttp(nodeIP, nodePort!)),
    untilTrue("cluster DNS answers", async () => (await resolveName(nodeIP)) === clusterIP),
  ]);
}

async function untilTrue(what: string, ask: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < TRIES_MAX; i++) {
    if (await ask()) return;
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
  throw new Error(`Asked ${TRIES_MAX} times in vain until ${what}`);
}

function answersHttp(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const sent = request({ host, port, path: "/", timeout: TRY_MS, agent: false }, (response) => {
      response.resume();
      response.once("end", () => resolve(response.statusCode === 200));
    });
    sent.once("timeout", () => sent.destroy());
    sent.once("error", () => resolve(false)); // refused: not there yet
    sent.end();
  });
}

/** The address that the node's DNS server gives for the service; undefined when it does not know it yet. */
function resolveName(nodeIP: string): Promise<string | undefined> {
  const question = { type: "A", name: `${NAME}.${namespace}.svc.cluster.local` } as const;
  return new Promise((resolve) => {
    const socket = createSocket("udp4");
    const finish = (address?: string): void => {
      clearTimeout(timer);
      socket.close();
      resolve(address);
    };
    const timer = setTimeout(finish, TRY_MS);
    socket.once("error", () => finish());
    socket.once("message", (message) => {
      const answer = decode(message).answers?.find(({ type }) => type === "A");
      finish(answer?.type === "A" ? answer.data : undefined);
    });
    socket.send(encode({ type: "query", id: 1, questions: [question] }), 53, nodeIP);
  });
}
