/** `--enable-admission-plugins`, `--disable-admission-plugins` and the configuration file, judged together; upstream's `AdmissionOptions`. @module */
import { compareStrings } from "#apimachinery";
import type { ApiServerOptions } from "../../options.ts";
import { DEFAULT_OFF, PLUGIN_NAMES } from "../plugin-names.ts";
import type { OpenWorld, PluginConfigurations } from "./plugin-configurations.ts";

export interface AdmissionFlagValues {
  readonly enable: readonly string[];
  readonly disable: readonly string[];
  readonly configFile: string | undefined;
}

export type AdmissionOptions = Pick<
  ApiServerOptions,
  "enabledAdmissionPlugins" | "disabledAdmissionPlugins" | "admissionConfigurations"
>;

/** Rejects with all that is wrong with the names, or with the configuration. */
export async function openAdmissionOptions(
  { enable, disable, configFile }: AdmissionFlagValues,
  world: OpenWorld,
): Promise<AdmissionOptions> {
  const problems = [...unknown("enable", enable), ...unknown("disable", disable)];
  const both = enable.filter((name) => disable.includes(name)).toSorted(compareStrings);
  if (both.length > 0) {
    problems.push(`[${both.join(" ")}] in enable-admission-plugins and disable-admission-plugins overlapped`);
  }
  if (problems.length > 0) throw new Error(problems.join("; "));
  const isOn = (name: string): boolean =>
    enable.includes(name) || !(DEFAULT_OFF.has(name) || disable.includes(name));
  const configurations = configFile === undefined ? {} : await open(configFile, isOn, world);
  if (isOn("EventRateLimit") && configurations.eventLimits === undefined)
    throw unconfigured("EventRateLimit");
  if (isOn("ImagePolicyWebhook") && configurations.imagePolicy === undefined) {
    throw unconfigured("ImagePolicyWebhook");
  }
  return {
    enabledAdmissionPlugins: enable,
    disabledAdmissionPlugins: disable,
    admissionConfigurations: configurations,
  };
}

/** Loaded when somebody has such a file. */
async function open(
  file: string,
  isOn: (plugin: string) => boolean,
  world: OpenWorld,
): Promise<PluginConfigurations> {
  const { openPluginConfigurations } = await import("./plugin-configurations.ts");
  return openPluginConfigurations(file, isOn, world);
}

function unconfigured(plugin: string): Error {
  return new Error(`couldn't init admission plugin ${JSON.stringify(plugin)}: no config specified`);
}

function unknown(flag: string, names: readonly string[]): string[] {
  return names
    .filter((name) => !PLUGIN_NAMES.includes(name))
    .map((name) => `${flag}-admission-plugins plugin ${JSON.stringify(name)} is unknown`);
}
