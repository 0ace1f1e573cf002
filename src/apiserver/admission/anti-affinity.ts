/** Option: pods keep others away from their node alone, not from a whole zone; upstream's LimitPodHardAntiAffinityTopology. @module */
import type { Pod } from "#api/core/v1/types.gen";
import type { AdmissionPlugin } from "./plugin.ts";
import { refuse } from "./refuse.ts";

const HOSTNAME = "kubernetes.io/hostname";

export const limitPodHardAntiAffinityTopology: AdmissionPlugin = {
  name: "LimitPodHardAntiAffinityTopology",
  operations: ["CREATE", "UPDATE"],
  resources: ["core/pods"],
  validate(attributes) {
    if (attributes.subresource !== "") return;
    const { affinity } = (attributes.object as Pod).spec ?? {};
    const terms = affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
    const wide = terms.find(({ topologyKey }) => topologyKey !== HOSTNAME);
    if (wide === undefined) return;
    throw refuse(
      attributes,
      `affinity.PodAntiAffinity.RequiredDuringScheduling has TopologyKey ${wide.topologyKey} but only key ${HOSTNAME} is allowed`,
    );
  },
};
