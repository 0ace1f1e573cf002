/** Option: nobody claims addresses of others for a Service; those that a Service has it may keep. @module */
import type { Service } from "#api/core/v1/types.gen";
import type { AdmissionPlugin } from "./plugin.ts";
import { refuse } from "./refuse.ts";

export const denyServiceExternalIPs: AdmissionPlugin = {
  name: "DenyServiceExternalIPs",
  operations: ["CREATE", "UPDATE"],
  resources: ["core/services"],
  validate(attributes) {
    if (attributes.subresource !== "") return;
    const before = externalIPs(attributes.oldObject as Service | undefined);
    if (externalIPs(attributes.object as Service).every((ip) => before.includes(ip))) return;
    throw refuse(attributes, "Use of external IPs is denied by admission control");
  },
};

function externalIPs(service: Service | undefined): readonly string[] {
  return service?.spec?.externalIPs ?? [];
}
