import assert from "node:assert/strict";
import { test } from "node:test";
import {
  KERNEL_NEEDS,
  lackOf,
  missingInKernel,
  remedyOf,
  systemKernelTools,
  type KernelTools,
} from "./kernel-needs.ts";

const { signal } = new AbortController();
const isRoot = process.geteuid?.() === 0;

/** A kernel that lacks what is named until all modules for it are loaded, of which there are `available`. */
function kernel(lacks: string, available: readonly string[]): KernelTools & { readonly loaded: string[] } {
  const loaded: string[] = [];
  const need = KERNEL_NEEDS.find(({ name }) => name === lacks)!;
  const isThere = (): boolean => need.modules.length > 0 && need.modules.every((one) => loaded.includes(one));
  return {
    loaded,
    inNewNamespace: (script) => {
      const says = ["something", lacks].find((word) => new RegExp(`echo ${word}$`, "m").test(script));
      return Promise.resolve(says === undefined || isThere() ? "" : `${says}\n`);
    },
    load: (module) => {
      if (available.includes(module)) loaded.push(module);
      return Promise.resolve(available.includes(module));
    },
  };
}

for (const [name, line, remedy] of [
  [
    "ip_forward",
    "this machine's kernel lacks forwarding of packets: /proc/sys/net/ipv4/ip_forward cannot be set",
    "sysctl -w net.ipv4.ip_forward=1",
  ],
  ["veth", "this machine's kernel lacks pairs of interfaces", "modprobe --all veth"],
  ["bridge", "this machine's kernel lacks bridges", "modprobe --all bridge"],
  [
    "br_netfilter",
    "this machine's kernel lacks rules for packets of bridges, which Services and network policies between pods of one node need",
    "modprobe --all br_netfilter",
  ],
  ["nf_tables", "this machine's kernel lacks nftables", "modprobe --all nf_tables"],
  [
    "nf_conntrack",
    "this machine's kernel lacks connection tracking in nftables",
    "modprobe --all nf_conntrack nft_ct",
  ],
  [
    "nft_nat",
    "this machine's kernel lacks translation of addresses in nftables",
    "modprobe --all nf_nat nft_chain_nat nft_nat nft_masq",
  ],
  ["nft_numgen", "this machine's kernel lacks random choice in nftables", "modprobe --all nft_numgen"],
  [
    "nft_fib",
    "this machine's kernel lacks questions for local addresses in nftables",
    "modprobe --all nft_fib nft_fib_ipv4",
  ],
  [
    "nft_reject",
    "this machine's kernel lacks refusals in nftables",
    "modprobe --all nft_reject nft_reject_ipv4",
  ],
  [
    "vxlan",
    "this machine's kernel lacks VXLAN: pods do not reach nodes behind a router",
    "modprobe --all vxlan",
  ],
  [
    "overlay",
    "this machine's kernel lacks the file system overlay: images are copied for every container",
    "modprobe --all overlay",
  ],
] as const)
  test(`missingInKernel() asks for ${name} where it is a module, and says what is to be done where it is not`, async () => {
    const need = KERNEL_NEEDS.find((one) => one.name === name)!;
    const modular = kernel(name, need.modules);
    const left = await missingInKernel(modular, signal);
    assert.deepEqual(modular.loaded, need.modules);
    assert.deepEqual(left, need.modules.length > 0 ? [] : [need]);
    assert.deepEqual(await missingInKernel(kernel(name, []), signal), [need]);
    assert.deepEqual([lackOf(need), remedyOf(need)], [line, remedy]);
  });

test("missingInKernel() knows of no other need than those above", () => {
  assert.equal(KERNEL_NEEDS.length, 12);
});

test("missingInKernel() tries the kernel itself", { skip: isRoot ? false : "needs root" }, async () => {
  const [real] = KERNEL_NEEDS;
  const absent = { ...real!, name: "absent", probe: { ip: "link add k8ts-9 type k8ts-absent" } };
  assert.deepEqual(await missingInKernel(systemKernelTools, signal), []);
  assert.deepEqual(await missingInKernel(systemKernelTools, signal, [real!, absent]), [absent]);
});
