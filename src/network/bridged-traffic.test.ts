import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "#apimachinery";
import { NFT_FAMILIES } from "./address-family.ts";
import { passBridgedTraffic } from "./bridged-traffic.ts";

const { signal } = new AbortController();

for (const { what, isLoaded, isAvailable, want } of [
  { what: "sets what is there", isLoaded: true, isAvailable: false, want: ["iptables", "ip6tables"] },
  { what: "loads the module", isLoaded: false, isAvailable: true, want: ["iptables", "ip6tables"] },
  { what: "says which module is missing", isLoaded: false, isAvailable: false, want: [] },
])
  test(`passBridgedTraffic() ${what}`, async () => {
    const set: string[] = [];
    const errors: string[] = [];
    let isThere = isLoaded;
    const tools = {
      sysctl: (name: string) =>
        isThere ? Promise.resolve(void set.push(name)) : Promise.reject(new Error("ENOENT")),
      kernel: {
        inNewNamespace: () => Promise.resolve(""),
        load: () => Promise.resolve((isThere ||= isAvailable)),
      },
    };
    const logger = { ...silentLogger, error: (message: string) => void errors.push(message) };
    await passBridgedTraffic({ tools, logger }, NFT_FAMILIES, signal);
    assert.deepEqual(
      set,
      want.map((name) => `net.bridge.bridge-nf-call-${name}`),
    );
    const message =
      "this machine's kernel lacks rules for packets of bridges, which Services and network policies between pods of one node need; modprobe --all br_netfilter";
    assert.deepEqual(errors, want.length > 0 ? [] : [message, message]);
  });
