/** Controllers that `--controllers` of kube-controller-manager knows and that do not exist here. @module */

/** With the reason. */
const ABSENT: Readonly<Record<string, string>> = {
  "cloud-node-lifecycle-controller": "the cloud's own controller manager runs it",
  "node-route-controller": "the cloud's own controller manager runs it",
  "podgroup-protection-controller": "its feature is alpha",
  "resourcepoolstatusrequest-controller": "its feature is alpha",
  "selinux-warning-controller": "it is off by default, and its warnings are not built",
  "storageversion-garbage-collector-controller": "its feature is alpha",
};

export function isAbsent(name: string): boolean {
  return Object.hasOwn(ABSENT, name);
}

/** Name and reason of each that is asked for by name; `*` asks for none of them. Of what is said of one the first counts. */
export function absentAmong(choices: readonly string[]): readonly (readonly [name: string, why: string])[] {
  return Object.entries(ABSENT).filter(
    ([name]) => choices.find((choice) => choice === name || choice === `-${name}`) === name,
  );
}
