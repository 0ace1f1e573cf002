/** Where a webhook is: a URL or a service; upstream's `ValidateWebhookURL` and `ValidateWebhookService`. @module */
import { field, isDns1123Subdomain, isPortNumber } from "#apimachinery";
import { NONE, type Causes } from "./common.ts";

interface ServiceReference {
  readonly name?: string;
  readonly namespace?: string;
  readonly path?: string;
  readonly port?: number;
}

interface WebhookClient {
  readonly url?: string;
  readonly service?: ServiceReference;
}

const URL_FORM = "; desired format: https://host[/path]";

export function validateWebhookClient({ url, service }: WebhookClient, path: string): Causes {
  if (url !== undefined && service === undefined) return validateUrl(url, field.child(path, "url"));
  if (url === undefined && service !== undefined)
    return validateService(service, field.child(path, "service"));
  return [field.required(path, "exactly one of url or service is required")];
}

function validateService({ name = "", namespace = "", path, port }: ServiceReference, at: string): Causes {
  return [
    ...(name === "" ? [field.required(field.child(at, "name"))] : NONE),
    ...(namespace === "" ? [field.required(field.child(at, "namespace"))] : NONE),
    ...(port === undefined ? [] : isPortNumber(port)).map((why) =>
      field.invalid(field.child(at, "port"), port, `port is not valid: ${why}`),
    ),
    ...field.invalidFor(field.child(at, "path"), path, problemsOfPath(path ?? "")),
  ];
}

function problemsOfPath(path: string): readonly string[] {
  if (path === "" || path === "/") return [];
  if (path === "//") return ["segment[0] may not be empty"];
  const segments = path.slice(1).replace(/\/$/, "").split("/");
  return [
    ...(path.startsWith("/") ? [] : ["must start with a '/'"]),
    ...segments.flatMap((segment, i) =>
      segment === ""
        ? [`segment[${i}] may not be empty`]
        : isDns1123Subdomain(segment).map((why) => `segment[${i}]: ${why}`),
    ),
  ];
}

function validateUrl(text: string, path: string): Causes {
  const url = URL.parse(text);
  if (url === null) return [field.required(path, `url must be a valid URL: ${text}${URL_FORM}`)];
  const { protocol, host, username, password, hash, search } = url;
  const refuse = (value: string, why: string): Causes[number] => field.invalid(path, value, why);
  return [
    ...(protocol === "https:"
      ? NONE
      : [refuse(protocol.slice(0, -1), `'https' is the only allowed URL scheme${URL_FORM}`)]),
    ...(host === "" ? [refuse(host, `host must be specified${URL_FORM}`)] : NONE),
    ...(username === "" && password === ""
      ? NONE
      : [refuse(username, "user information is not permitted in the URL")]),
    ...(hash === "" ? NONE : [refuse(hash.slice(1), "fragments are not permitted in the URL")]),
    ...(search === "" ? NONE : [refuse(search.slice(1), "query parameters are not permitted in the URL")]),
  ];
}
