/** A cluster that one test has to itself, for what it may not do to the others. @module */
import { startTestCluster, type TestClusterOptions } from "#testing";
import type { Client } from "#client";
import type { ConformanceContext } from "./context.ts";
import { sendHttp, type HttpAnswer, type HttpRequest } from "./http.ts";
import { openSession } from "./session.ts";

export interface OwnCluster {
  readonly client: Client;
  http(request: HttpRequest): Promise<HttpAnswer>;
}

/** In this process, over HTTPS; ends with the test. */
export async function startOwnCluster(
  t: ConformanceContext,
  options: TestClusterOptions,
): Promise<OwnCluster> {
  const cluster = await startTestCluster({ ...options, listen: true });
  t.cleanup(() => cluster.close());
  const session = await openSession(cluster.kubeconfig!);
  t.cleanup(() => session.close());
  return {
    client: session.client,
    http: (request) => sendHttp(session.server, session.agent, request, t.signal),
  };
}
