/** Brings what the whole test run needs besides npm's packages: run by `npm test`. Without root it says what will be skipped. */
import { homedir } from "node:os";
import { drivers } from "../src/launcher/drivers/index.ts";
import { installPackages, missingPackages } from "../src/launcher/preflight.ts";
import { explain } from "../src/launcher/user-error.ts";

/** Program -> Debian package: what a real node needs, and what tests need besides. */
const NEEDED: Readonly<Record<string, string>> = {
  ...drivers.netns.packages,
  etcd: "etcd-server",
  "docker-registry": "docker-registry",
  "/bin/busybox": "busybox-static",
  openssl: "openssl",
};

const path = process.env["PATH"] ?? "";
const packages = missingPackages({ packages: NEEDED }, path);

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
