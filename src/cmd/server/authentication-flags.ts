/** `--oidc-*`, `--authentication-*`, `--anonymous-auth`, `--token-auth-file`, `--service-account-*` and `--api-audiences` of the API server. @module */
import { readFile } from "node:fs/promises";
import { Option, type Command } from "commander";
import { untilAborted, type Clock, type Logger } from "#apimachinery";
import type {
  AuthenticationConfiguration,
  ConfiguredAuthentication,
  LateMetrics,
  SecurityOptions,
  TokenAuthenticator,
} from "#apiserver";
import { bool, durationMs } from "../flag-values.ts";

export interface AuthenticationFlags {
  readonly anonymousAuth?: boolean;
  readonly authenticationConfig?: string;
  readonly tokenAuthFile?: string;
  readonly enableBootstrapTokenAuth?: boolean;
  readonly authenticationTokenWebhookConfigFile?: string;
  readonly authenticationTokenWebhookVersion?: "v1" | "v1beta1";
  readonly authenticationTokenWebhookCacheTtl?: number;
  readonly oidcIssuerUrl?: string;
  readonly oidcClientId?: string;
  readonly oidcCaFile?: string;
  readonly oidcUsernameClaim?: string;
  readonly oidcUsernamePrefix?: string;
  readonly oidcGroupsClaim?: string;
  readonly oidcGroupsPrefix?: string;
  readonly oidcSigningAlgs?: string;
  readonly oidcRequiredClaim?: readonly string[];
  readonly apiAudiences?: string;
  readonly serviceAccountIssuer: readonly string[];
  readonly serviceAccountKeyFile?: readonly string[];
  readonly serviceAccountSigningKeyFile?: string;
  readonly serviceAccountMaxTokenExpiration?: number;
  readonly serviceAccountExtendTokenExpiration?: boolean;
}

const ISSUER = "https://kubernetes.default.svc.cluster.local";

export function addAuthenticationFlags(command: Command): void {
  command
    .option(
      "--anonymous-auth [bool]",
      "requests without credentials are those of system:anonymous (default true)",
      bool,
    )
    .option(
      "--authentication-config <path>",
      "file of an AuthenticationConfiguration; read again when it changes",
    )
    .option("--token-auth-file <path>", 'lines of token,user,uid,"group1,group2"')
    .option(
      "--enable-bootstrap-token-auth [bool]",
      "Secrets of type bootstrap.kubernetes.io/token are tokens (default true)",
      bool,
    )
    .option(
      "--authentication-token-webhook-config-file <path>",
      "kubeconfig of the webhook that knows tokens",
    )
    .addOption(
      new Option(
        "--authentication-token-webhook-version <version>",
        "of its TokenReviews (default v1beta1)",
      ).choices(["v1", "v1beta1"]),
    )
    .option(
      "--authentication-token-webhook-cache-ttl <duration>",
      "how long its answers count (default 2m)",
      durationMs,
    )
    .option("--oidc-issuer-url <url>", "issuer of OpenID tokens")
    .option("--oidc-client-id <id>", "audience of these tokens")
    .option("--oidc-ca-file <path>", "authority of the issuer's certificate; default: the system's")
    .option("--oidc-username-claim <claim>", "claim that is the user's name (default sub)")
    .option(
      "--oidc-username-prefix <prefix>",
      "before the name; '-': none; default: the issuer and '#', but none for email",
    )
    .option("--oidc-groups-claim <claim>", "claim that is the user's groups")
    .option("--oidc-groups-prefix <prefix>", "before their names")
    .option("--oidc-signing-algs <list>", "algorithms of signatures (default RS256)")
    .option("--oidc-required-claim <key=value>", "a claim that must be so; may be repeated", collect)
    .option("--api-audiences <list>", "what the API server answers to; default: the issuer")
    .addOption(
      new Option(
        "--service-account-issuer <url>",
        "issuer of ServiceAccount tokens; further ones are accepted",
      )
        .argParser(collect)
        .default([ISSUER]),
    )
    .option(
      "--service-account-key-file <path>",
      "keys that check ServiceAccount tokens; may be repeated",
      collect,
    )
    .option(
      "--service-account-signing-key-file <path>",
      "key that signs them; default: sa.key of the certificates",
    )
    .option("--service-account-max-token-expiration <duration>", "longer tokens are not issued", durationMs)
    .option(
      "--service-account-extend-token-expiration [bool]",
      "tokens of pods outlive what old clients re-read (default true)",
      bool,
    );
}

/** The default of a repeatable flag goes with its first value. */
function collect(value: string, before: readonly string[] = []): readonly string[] {
  return before.length === 1 && before[0] === ISSUER ? [value] : [...before, value];
}

export interface AuthenticationParts {
  readonly security: Partial<SecurityOptions> & Pick<SecurityOptions, "issuer" | "serviceAccountKeys">;
  readonly allowsAnonymous: (path: string) => boolean;
  /** Follows the configuration file, until the signal aborts. */
  readonly run: (signal: AbortSignal) => Promise<void>;
}

/** `defaultKeys`: PEM of the cluster's own signing keys. */
export async function authenticationOptions(
  flags: AuthenticationFlags,
  defaultKeys: string,
  world: {
    readonly clock: Clock;
    readonly random: () => number;
    readonly logger: Logger;
    readonly metrics: LateMetrics;
  },
): Promise<AuthenticationParts> {
  checkFlags(flags);
  const [issuer = ISSUER, ...acceptedIssuers] = flags.serviceAccountIssuer;
  const apiAudiences = flags.apiAudiences?.split(",").filter((audience) => audience !== "") ?? [issuer];
  const { configured, run } = await configuredAuthentication(flags, world);
  const keyFiles = await Promise.all(
    (flags.serviceAccountKeyFile ?? []).map((path) => readFile(path, "utf8")),
  );
  const signing = flags.serviceAccountSigningKeyFile;
  const maxMs = flags.serviceAccountMaxTokenExpiration ?? 0;
  return {
    security: {
      issuer,
      acceptedIssuers,
      apiAudiences,
      serviceAccountKeys: keyFiles.length > 0 ? keyFiles.join("\n") : defaultKeys,
      ...(signing !== undefined
        ? { serviceAccountSigningKey: await readFile(signing, "utf8") }
        : keyFiles.length > 0 && { serviceAccountSigningKey: defaultKeys }),
      ...(maxMs > 0 && { maxTokenExpirationSeconds: maxMs / 1_000 }),
      extendTokenExpiration: flags.serviceAccountExtendTokenExpiration ?? true,
      enableBootstrapTokens: flags.enableBootstrapTokenAuth ?? true,
      ...(flags.tokenAuthFile !== undefined && {
        tokenAuthFile: await readFile(flags.tokenAuthFile, "utf8"),
      }),
      jwt: configured,
      ...(flags.authenticationTokenWebhookConfigFile !== undefined && {
        tokenWebhook: await webhook(flags, apiAudiences, world),
      }),
      metrics: world.metrics,
      logger: world.logger,
    },
    allowsAnonymous: (path) => configured.allowsAnonymous(path),
    run,
  };
}

function checkFlags(flags: AuthenticationFlags): void {
  const {
    oidcIssuerUrl,
    oidcClientId,
    authenticationConfig,
    serviceAccountMaxTokenExpiration: maxMs,
  } = flags;
  const isOidc = Object.keys(flags).some((name) => name.startsWith("oidc"));
  if (authenticationConfig !== undefined && isOidc)
    throw new Error("authentication-config file and oidc-* flags are mutually exclusive");
  if ((oidcIssuerUrl === undefined) !== (oidcClientId === undefined))
    throw new Error(
      "oidc-issuer-url and oidc-client-id must be specified together when any oidc-* flags are set",
    );
  if (isOidc && oidcIssuerUrl === undefined)
    throw new Error(
      "oidc-issuer-url and oidc-client-id must be specified together when any oidc-* flags are set",
    );
  if (maxMs !== undefined && maxMs !== 0 && (maxMs < 3_600_000 || maxMs > 2 ** 32 * 1_000))
    throw new Error("the service-account-max-token-expiration must be between 1 hour and 2^32 seconds");
}

async function configuredAuthentication(
  flags: AuthenticationFlags,
  {
    clock,
    logger,
    metrics,
  }: { readonly clock: Clock; readonly logger: Logger; readonly metrics: LateMetrics },
): Promise<{ configured: ConfiguredAuthentication; run: AuthenticationParts["run"] }> {
  const {
    authenticationCauses,
    ConfiguredAuthentication,
    loadAuthenticationConfiguration,
    SIGNING_ALGORITHMS,
  } = await import("#apiserver");
  const path = flags.authenticationConfig;
  const disallowedIssuers = flags.serviceAccountIssuer;
  const text = path === undefined ? "" : await readFile(path, "utf8");
  const configuration =
    path === undefined
      ? await oidcConfiguration(flags)
      : loadAuthenticationConfiguration(text, path, disallowedIssuers);
  if (configuration.anonymous !== undefined && flags.anonymousAuth !== undefined)
    throw new Error(
      "--anonymous-auth flag cannot be set when anonymous field is configured in authentication configuration file",
    );
  const causes = authenticationCauses(configuration, disallowedIssuers);
  if (causes.length > 0)
    throw new Error(causes.map((cause) => `${cause.field}: ${cause.message}`).join("; "));
  const configured = new ConfiguredAuthentication({
    configuration,
    algorithms: path === undefined ? (flags.oidcSigningAlgs ?? "RS256").split(",") : SIGNING_ALGORITHMS,
    anonymousAuth: flags.anonymousAuth ?? true,
    disallowedIssuers,
    clock,
    logger,
    metrics,
  });
  const run = async (signal: AbortSignal): Promise<void> => {
    using stopped = configured;
    if (path !== undefined) await stopped.run(path, text, signal);
    else await untilAborted(signal);
  };
  return { configured, run };
}

/** The flags say what a configuration of one issuer would. */
async function oidcConfiguration(flags: AuthenticationFlags): Promise<AuthenticationConfiguration> {
  const { oidcIssuerUrl: url, oidcClientId = "", oidcCaFile, oidcGroupsClaim = "" } = flags;
  if (url === undefined) return { jwt: [] };
  const claim = flags.oidcUsernameClaim ?? "sub";
  const given = flags.oidcUsernamePrefix ?? "";
  const prefix = given === "-" ? "" : given === "" && claim !== "email" ? `${url}#` : given;
  const rules = (flags.oidcRequiredClaim ?? []).map((pair) => {
    const at = pair.indexOf("=");
    if (at < 1) throw new Error(`invalid --oidc-required-claim ${JSON.stringify(pair)}: expected key=value`);
    return { claim: pair.slice(0, at), requiredValue: pair.slice(at + 1) };
  });
  return {
    jwt: [
      {
        issuer: {
          url,
          audiences: [oidcClientId],
          ...(oidcCaFile !== undefined && { certificateAuthority: await readFile(oidcCaFile, "utf8") }),
        },
        claimMappings: {
          username: { claim, prefix },
          ...(oidcGroupsClaim !== "" && {
            groups: { claim: oidcGroupsClaim, prefix: flags.oidcGroupsPrefix ?? "" },
          }),
        },
        claimValidationRules: rules,
      },
    ],
  };
}

async function webhook(
  flags: AuthenticationFlags,
  apiAudiences: readonly string[],
  { clock, random }: { readonly clock: Clock; readonly random: () => number },
): Promise<TokenAuthenticator> {
  const { cachedTokens, openReviewWebhook, tokenWebhook } = await import("#apiserver");
  const kubeconfig = flags.authenticationTokenWebhookConfigFile!;
  const version = flags.authenticationTokenWebhookVersion ?? "v1beta1";
  const opened = await openReviewWebhook({ kubeconfig, clock, random });
  const ttlMs = flags.authenticationTokenWebhookCacheTtl ?? 120_000;
  const options = { clock, successTtlMs: ttlMs, failureTtlMs: ttlMs, cacheErrors: false };
  return cachedTokens(tokenWebhook(opened, version, apiAudiences), options);
}
