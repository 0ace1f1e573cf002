import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "#apimachinery";
import { SYSTEM_MASTERS, type Authorizer } from "../../user-info.ts";
import { openAuthorization } from "./configured-authorization.ts";

const nobody: Authorizer = { authorize: () => ({ allowed: false }) };
const refusing: Authorizer = { authorize: () => ({ allowed: false, denied: true, reason: "not you" }) };

function asked(...groups: string[]): Parameters<Authorizer["authorize"]>[0] {
  return { user: { name: "alice", groups }, verb: "get", path: "/x", isResourceRequest: false } as never;
}

for (const [modes, node, groups, allowed] of [
  [["AlwaysAllow"], nobody, [], true],
  [["AlwaysDeny"], nobody, [], false],
  [["AlwaysDeny"], nobody, [SYSTEM_MASTERS], true],
  [["Node", "AlwaysAllow"], nobody, [], true],
  // who denies has the last word
  [["Node", "AlwaysAllow"], refusing, [], false],
  [["AlwaysAllow", "Node"], refusing, [], true],
  [["AlwaysDeny", "AlwaysAllow"], nobody, [], true],
  [["RBAC"], nobody, [], false],
] as const) {
  const who = groups.length > 0 ? ` for ${groups.join()}` : "";
  const by = node === refusing ? ", where Node denies," : "";
  test(`ConfiguredAuthorization of ${modes.join()}${by}${who} ${allowed ? "allows" : "refuses"}`, async () => {
    const authorizers = modes.map((type) => ({ type, name: type.toLowerCase() }));
    await using configured = await openAuthorization({
      configuration: { authorizers },
      clock: systemClock,
      random: Math.random,
    });
    assert.deepEqual(configured.modes(), modes);
    const decision = await configured.build({ node, rbac: nobody }).authorize(asked(...groups));
    assert.equal(decision.allowed, allowed);
  });
}
