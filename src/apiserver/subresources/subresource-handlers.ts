/** The table of subresources. @module */
import type { Clock } from "#apimachinery";
import type { KubeletConnection } from "../connect/kubelet-connection.ts";
import { podLogHandlers } from "../connect/pod-log.ts";
import { podStreamHandlers } from "../connect/pod-streams.ts";
import { proxyHandlers } from "../connect/proxy.ts";
import { partHandlers, type SubresourceHandlers } from "../handlers/subresources.ts";
import type { Store } from "#storage";
import type { TokenIssuer } from "../registry/token-issuer.ts";
import { bindingHandlers } from "./binding.ts";
import { evictionHandlers } from "./eviction.ts";
import { probeComponent } from "./component-health.ts";
import { componentStatusHandlers } from "./component-statuses.ts";
import { reviewHandlers, type ReviewOptions } from "./reviews.ts";
import { scaleHandlers } from "./scale.ts";
import { tokenHandlers } from "./service-account-token.ts";

export interface SubresourceOptions {
  readonly kubelets: KubeletConnection;
  readonly clock: Clock;
  readonly random: () => number;
  readonly tokenIssuer: TokenIssuer | undefined;
}

/** By `core/pods/binding`, or by `scale` for every kind that has one. `status` is built in. */
export function subresourceHandlers({
  kubelets,
  clock,
  random,
  tokenIssuer,
}: SubresourceOptions): ReadonlyMap<string, SubresourceHandlers> {
  return new Map<string, SubresourceHandlers>([
    ["scale", scaleHandlers],
    ["core/namespaces/finalize", partHandlers("finalize")],
    ["core/pods/binding", bindingHandlers],
    ["core/pods/eviction", evictionHandlers],
    ["core/pods/ephemeralcontainers", partHandlers("ephemeralcontainers")],
    ["core/pods/resize", partHandlers("resize")],
    ["core/pods/log", podLogHandlers(kubelets)],
    ["core/pods/exec", podStreamHandlers("exec", kubelets, clock)],
    ["core/pods/attach", podStreamHandlers("attach", kubelets, clock)],
    ["core/pods/portforward", podStreamHandlers("portforward", kubelets, clock)],
    ["certificates.k8s.io/certificatesigningrequests/approval", partHandlers("approval")],
    ...(tokenIssuer === undefined
      ? []
      : ([["core/serviceaccounts/token", tokenHandlers(tokenIssuer)]] as const)),
    ...proxyHandlers({ kubelets, clock, random }),
  ]);
}

export interface VirtualOptions extends ReviewOptions {
  readonly store: Store;
}

/** Resources that are answered and never stored, by `core/bindings`. */
export function virtualHandlers(options: VirtualOptions): ReadonlyMap<string, SubresourceHandlers> {
  return new Map([
    ["core/bindings", bindingHandlers],
    ["core/componentstatuses", componentStatusHandlers(options.store, probeComponent)],
    ...reviewHandlers(options),
  ]);
}
