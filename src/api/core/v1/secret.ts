/** Secret holds confidential data for pods. @module */
import type { Kind } from "#apimachinery";
import { ageColumn, nameColumn, text } from "../../printing/columns.ts";
import { encodeBase64 } from "./base64.ts";
import { validateSecret, warningsForSecret } from "./secret-validation.ts";
import type { Secret } from "./types.gen.ts";

export const Secrets: Kind<Secret> = {
  group: "",
  version: "v1",
  kind: "Secret",
  names: { plural: "secrets", singular: "secret" },
  scope: "Namespaced",
  subresources: [],
  defaults: defaultSecret,
  validate: validateSecret,
  strategy: { warnings: warningsForSecret },
  selectableFields: { type: (secret) => secret.type ?? "" },
  columns: [
    nameColumn,
    text("Type", (secret) => secret.type ?? ""),
    text("Data", (secret) => Object.keys(secret.data ?? {}).length),
    ageColumn,
  ],
};

/** `stringData` is a way to write `data`; it is never stored. */
function defaultSecret(secret: Secret): Secret {
  const { stringData, ...rest } = secret;
  const typed = rest.type ? rest : { ...rest, type: "Opaque" };
  if (stringData === undefined) return secret.type ? secret : typed;
  const data = Object.fromEntries(
    Object.entries(stringData).map(([key, value]) => [key, encodeBase64(value)]),
  );
  return { ...typed, data: { ...typed.data, ...data } };
}
