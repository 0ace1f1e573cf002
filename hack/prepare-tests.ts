/** Brings what the whole test run needs besides npm's packages: run by `npm test`. Without root it says what will be skipped. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { homedir } from "node:os";
import { installPackages } from "../src/launcher/preflight.ts";
import { explain } from "../src/launcher/user-error.ts";

/** Program -> Debian package. */
const NEEDED: Readonly<Record<string, string>> = {
  ip: "iproute2",
  nft: "nftables",
  nsenter: "util-linux",
  containerd: "containerd",
  runc: "runc",
  "/usr/lib/cni/bridge": "containernetworking-plugins",
  etcd: "etcd-server",
  "docker-registry": "docker-registry",
  "/bin/busybox": "busybox-static",
  openssl: "openssl",
};

const path = process.env["PATH"] ?? "";
const isPresent = (program: string): boolean =>
  program.startsWith("/")
    ? existsSync(program)
    : path.split(":").some((dir) => existsSync(join(dir, program)));
const missing = Object.entries(NEEDED).filter(([program]) => !isPresent(program));
const packages = [...new Set(missing.map(([, name]) => name))];

if (packages.length > 0) {
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) {
    console.log(`prepare-tests: installing ${packages.join(", ")}`);
    const env = { home: homedir(), kubeconfig: "", isRoot, installDir: process.cwd(), path };
    await installPackages(packages, env, new AbortController().signal).catch((err: unknown) => {
      console.error(`prepare-tests: ${explain(err)}`);
      process.exitCode = 1;
    });
  } else {
    console.log(`prepare-tests: not root; tests that need ${packages.join(", ")} will be counted as skipped`);
  }
}
