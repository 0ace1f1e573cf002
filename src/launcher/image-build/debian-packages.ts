/** Installs Debian packages that a build asks for, or says how. @module */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { ImageBuildError } from "./errors.ts";

const run = promisify(execFile);

/** Resolves when they are installed; needs root. */
export async function installDebianPackages(packages: readonly string[], signal: AbortSignal): Promise<void> {
  const command = ["apt-get", "install", "-y", "--no-install-recommends", ...packages];
  const how = `install it with: ${command.join(" ")}`;
  if (process.getuid?.() !== 0)
    throw new ImageBuildError(`The build needs ${packages.join(", ")}; as root, ${how}`);
  try {
    await run("apt-get", command.slice(1), { signal }).catch(async () => {
      // The lists of a fresh machine are empty or old.
      await run("apt-get", ["update"], { signal });
      await run("apt-get", command.slice(1), { signal });
    });
  } catch (cause) {
    signal.throwIfAborted();
    throw new ImageBuildError(`Cannot install ${packages.join(", ")}; ${how}`, undefined, cause);
  }
}
