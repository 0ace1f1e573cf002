/** `k8ts service NAME --url`: addresses at which a service answers from this machine. @module */
import { Services } from "#api/core/v1/service";
import type { Service } from "#api/core/v1/types.gen";
import { isNotFound } from "#apimachinery";
import { urlHost } from "#api/validation/ip-range";
import { adminClient } from "../admin-client.ts";
import type { LauncherContext } from "../launcher-context.ts";
import { requireProfile, type Profile } from "../profile.ts";
import { requireRunning } from "../server-ready.ts";
import { EXIT, UserError } from "../user-error.ts";
import { waitForEndpoint } from "../wait-for-endpoint.ts";

export interface ServiceOptions {
  readonly namespace: string;
  readonly https: boolean;
  /** How long to wait for a ready endpoint. */
  readonly waitMs: number;
}

/** One URL per port. Waits until somebody serves, so that the address answers. */
export async function serviceUrls(
  context: LauncherContext,
  profileName: string,
  name: string,
  options: ServiceOptions,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const profile = await requireProfile(context.env, profileName);
  await requireRunning(context.env, profile);
  await using admin = adminClient(context.env, profile, context.clock);
  const service = await admin.client
    .get(Services, { namespace: options.namespace, name }, signal)
    .catch((err) => {
      if (!isNotFound(err)) throw err;
      throw new UserError(`service "${name}" was not found in namespace "${options.namespace}"`, {
        id: "SVC_NOT_FOUND",
        exitCode: EXIT.notFound,
        fix: `k8ts kubectl -- get services -n ${options.namespace}`,
      });
    });
  const urls = urlsOf(service, profile, options.https ? "https" : "http");
  await waitForEndpoint(admin.client, service.metadata, options.waitMs, context.clock, signal);
  return urls;
}

function urlsOf(service: Service, profile: Profile, scheme: string): readonly string[] {
  const ports = (service.spec?.ports ?? []).filter(
    (port) => port.nodePort !== undefined && port.nodePort > 0,
  );
  if (ports.length === 0) {
    const { namespace, name } = service.metadata;
    throw new UserError(`service ${namespace}/${name} has no node port`, {
      id: "SVC_NO_NODE_PORT",
      exitCode: EXIT.unavailable,
      fix: `k8ts kubectl -- patch service ${name} -n ${namespace} -p '{"spec":{"type":"NodePort"}}'`,
    });
  }
  return ports.map((port) => `${scheme}://${urlHost(profile.nodes[0]!.ip)}:${port.nodePort}`);
}
