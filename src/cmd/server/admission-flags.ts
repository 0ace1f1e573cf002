/** `--enable-admission-plugins`, `--disable-admission-plugins`, `--admission-control-config-file` of the API server. @module */
import type { Command } from "commander";
import type { ApiServerOptions } from "#apiserver";
import type { Clock } from "#apimachinery";

export interface AdmissionFlags {
  readonly enableAdmissionPlugins?: readonly string[];
  readonly disableAdmissionPlugins?: readonly string[];
  readonly admissionControlConfigFile?: string;
}

export function addAdmissionFlags(command: Command): void {
  command
    .option(
      "--enable-admission-plugins <list>",
      "admission plugins beyond those that are on by default; their order does not matter",
      names,
    )
    .option("--disable-admission-plugins <list>", "admission plugins that are left out", names)
    .option("--admission-control-config-file <path>", "file of an AdmissionConfiguration");
}

/** Of a flag that may come more than once. */
function names(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, ...value.split(",").filter((name) => name !== "")];
}

/** Throws what is wrong with the names or the file. */
export async function admissionOptions(
  flags: AdmissionFlags,
  world: { readonly clock: Clock; readonly random: () => number },
): Promise<Partial<ApiServerOptions>> {
  const { enableAdmissionPlugins: enable = [], disableAdmissionPlugins: disable = [] } = flags;
  const { admissionControlConfigFile: configFile } = flags;
  const { openAdmissionOptions } = await import("#apiserver");
  return openAdmissionOptions({ enable, disable, configFile }, world);
}
