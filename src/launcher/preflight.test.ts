import assert from "node:assert/strict";
import { chmod, mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { drivers } from "./drivers/index.ts";
import {
  checkHome,
  checkIPv6,
  checkKernel,
  checkPort,
  checkPrivileges,
  freePort,
  installPackages,
  missingPackages,
} from "./preflight.ts";
import type { KernelTools } from "#network/kernel";
import { newTestEnv } from "./test-env.ts";

const HOST = "127.0.0.1";
const { signal } = new AbortController();

test("checkPrivileges wants root for nodes that run containers, and only for them", async () => {
  await using given = await newTestEnv();
  const { env } = given;
  for (const driver of [drivers.netns, drivers.host]) {
    assert.throws(() => checkPrivileges(driver, env), { id: "ROOT_REQUIRED", exitCode: 77 });
    checkPrivileges(driver, { ...env, isRoot: true });
  }
  checkPrivileges(drivers.simulated, env);
});

test("checkIPv6 asks the kernel where a cluster needs it", async () => {
  await using given = await newTestEnv();
  const file = join(given.env.home, "disable_ipv6");
  await mkdir(given.env.home, { recursive: true });
  const dual = { podCIDR: "10.244.0.0/16,fd00:10:244::/56" };
  await checkIPv6({ podCIDR: "10.244.0.0/16" }, file);
  await assert.rejects(checkIPv6(dual, file), { id: "IPV6_MISSING", message: /kernel/ });
  await writeFile(file, "1\n");
  await assert.rejects(checkIPv6(dual, file), { id: "IPV6_MISSING", message: /switched off/ });
  await writeFile(file, "0\n");
  await checkIPv6(dual, file);
});

test("checkKernel names what is missing and what to type, and notes what is only worse without", async () => {
  const notes: string[] = [];
  const note = (text: string): void => void notes.push(text);
  await checkKernel(note, signal, lacking());
  await assert.rejects(checkKernel(note, signal, lacking("vxlan", "br_netfilter", "nf_conntrack")), {
    id: "KERNEL_LACKS",
    exitCode: 78,
    fix: "modprobe --all br_netfilter",
    message: /^this machine's kernel lacks rules for packets of bridges/,
  });
  assert.deepEqual(notes, []);
  await checkKernel(note, signal, lacking("vxlan"));
  assert.deepEqual(notes, [
    "this machine's kernel lacks VXLAN: pods do not reach nodes behind a router (modprobe --all vxlan)",
  ]);
  await assert.rejects(checkKernel(note, signal, { ...lacking(), inNewNamespace: notPermitted }), {
    id: "NAMESPACES_MISSING",
    message: "unshare: Operation not permitted",
  });
});

test("checkHome takes a folder that can be made, and makes nothing", async () => {
  await using given = await newTestEnv();
  const { env } = given;
  checkHome({ ...env, home: join(env.home, "deep/er") });
  assert.deepEqual(await readdir(join(env.home, "..")), []);
});

test("checkHome refuses a file where the folder should be", async () => {
  await using given = await newTestEnv();
  await writeFile(given.env.home, "");
  assert.throws(() => checkHome(given.env), { id: "HOME_NOT_WRITABLE", exitCode: 73 });
});

test("checkPort names a port that somebody holds and proposes the next", async (t) => {
  const holder = createServer();
  t.after(() => holder.close());
  const port = await listen(holder);
  await assert.rejects(checkPort(HOST, port), (err: { id?: string; fix?: string; exitCode?: number }) => {
    assert.equal(err.id, "PORT_IN_USE");
    assert.equal(err.exitCode, 69);
    assert.match(err.fix!, new RegExp(`--apiserver-port=${port + 1}`));
    return true;
  });
  await new Promise((resolve) => holder.close(resolve));
  await checkPort(HOST, port);
});

test("checkPort refuses an address that is not this machine's", async () => {
  await assert.rejects(checkPort("192.0.2.1", 6443), { id: "PORT_UNUSABLE" });
});

test("freePort takes the wanted port, unless somebody holds it or will", async (t) => {
  const holder = createServer();
  t.after(() => holder.close());
  const held = await listen(holder);
  const free = await freePort(HOST, held);
  assert.notEqual(free, held);
  assert.equal(await freePort(HOST, free), free);
  assert.notEqual(await freePort(HOST, free, [free]), free);
});

test("missingPackages names each Debian package once", () => {
  const packages = {
    [process.execPath]: "present",
    "no-such-program": "one",
    "/no/such/file": "one",
    other: "two",
  };
  assert.deepEqual(missingPackages({ ...drivers.netns, packages }, "/nowhere"), ["one", "two"]);
  assert.deepEqual(missingPackages(drivers.simulated, "/nowhere"), []);
});

test("installPackages without apt-get says what to install", async () => {
  await using given = await newTestEnv();
  await assert.rejects(installPackages(["nftables", "runc"], { ...given.env, path: "/nowhere" }, signal), {
    id: "PACKAGE_MISSING",
    fix: "apt-get install -y --no-install-recommends nftables runc",
    message:
      "missing on this machine: nftables, runc; they cannot be installed here, because apt-get is missing",
  });
});

test("installPackages reads the package lists when the first try fails, and tries again", async () => {
  await using given = await newTestEnv();
  const { env } = given;
  const log = await fakeAptGet(
    env.home,
    '[ -e "$0.updated" ] || { [ "$1" = update ] && touch "$0.updated"; }',
  );
  await installPackages(["runc"], { ...env, path: `${env.home}:/bin:/usr/bin` }, signal);
  const install = "install -y --no-install-recommends runc";
  assert.deepEqual(await log(), [install, "update -q", install]);
});

test("installPackages passes on what apt-get says", async () => {
  await using given = await newTestEnv();
  const { env } = given;
  await fakeAptGet(env.home, "echo 'E: no mirror' >&2; exit 100");
  await assert.rejects(installPackages(["runc"], { ...env, path: `${env.home}:/bin:/usr/bin` }, signal), {
    id: "PACKAGE_MISSING",
    message: /installing them failed \(.*E: no mirror\)/,
  });
});

/** A kernel that has neither these nor modules for them. */
function lacking(...names: readonly string[]): KernelTools {
  return {
    inNewNamespace: () => Promise.resolve(`${names.join("\n")}\n`),
    load: () => Promise.resolve(false),
  };
}

function notPermitted(): Promise<never> {
  return Promise.reject(new Error("unshare: Operation not permitted"));
}

/** Writes down how it was called, then does as `script` says; resolves with the calls. */
async function fakeAptGet(dir: string, script: string): Promise<() => Promise<readonly string[]>> {
  await mkdir(dir, { recursive: true });
  const file = join(dir, "apt-get");
  await writeFile(file, `#!/bin/sh\necho "$*" >>"$0.log"\n${script}\n`);
  await chmod(file, 0o755);
  return async () => (await readFile(`${file}.log`, "utf8")).trim().split("\n");
}

function listen(server: ReturnType<typeof createServer>): Promise<number> {
  return new Promise((resolve) =>
    server.listen({ host: HOST, port: 0 }, () => resolve((server.address() as AddressInfo).port)),
  );
}
