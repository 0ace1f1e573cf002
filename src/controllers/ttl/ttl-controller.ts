/** Tells every node, by an annotation, how long its kubelet may keep Secrets and ConfigMaps. @module */
import type { Kind } from "#apimachinery";
import { Nodes } from "#api/core/v1/node";
import type { Controller, ControllerContext } from "#controller-runtime";
import { source } from "#controller-runtime";
import { unlessGone } from "../unless-gone.ts";
import { hasTtl, nextStep, TTL_ANNOTATION, ttlSecondsOf } from "./plan.ts";

/** Safe on a stale cache: the annotation is a function of the number of nodes, and nobody else writes it. */
export function ttlController({ client, informers }: ControllerContext): Controller {
  const nodes = informers.lister(Nodes);
  let count = 0;
  let step = 0;

  return {
    name: "ttl-controller",
    reconciles: Nodes as Kind,
    enqueues: ({ metadata }) => !hasTtl(metadata.annotations, ttlSecondsOf(step)),
    watches: [
      source(Nodes, (_node, _old, change) => {
        if (change === "update") return [];
        count += change === "add" ? 1 : -1;
        const before = step;
        step = nextStep(step, count);
        return step === before ? [] : nodes.list().map(({ metadata }) => metadata.name);
      }),
    ],
    async reconcile(name, signal) {
      const node = nodes.get(name);
      const ttlSeconds = ttlSecondsOf(step);
      if (node === undefined || hasTtl(node.metadata.annotations, ttlSeconds)) return {};
      const body = { metadata: { annotations: { [TTL_ANNOTATION]: String(ttlSeconds) } } };
      await unlessGone(client.patch(Nodes, node.metadata, { type: "strategic", body }, signal));
      return {};
    },
  };
}
