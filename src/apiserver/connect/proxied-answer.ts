/** What a proxied answer is made into for the client: links and redirections stay behind the proxy, CORS is the server's own. @module */
import type { Readable } from "node:stream";
import type { Result } from "../handlers/request.ts";
import { rewriteLinks, rewriteUrl, type Place } from "./links.ts";

type Stream = Extract<Result, { readonly type: "stream" }>;

/** The backend does not decide which pages of other origins may read what the API server says. */
const CORS = [
  "access-control-allow-credentials",
  "access-control-allow-headers",
  "access-control-allow-methods",
  "access-control-allow-origin",
];

/** A page in an encoding that is not known here passes as it is. */
export async function proxiedAnswer(answer: Stream, place: Place): Promise<Stream> {
  const headers = { ...answer.headers };
  for (const name of CORS) delete headers[name];
  const { location = "", "content-type": contentType = "", "content-encoding": encoding = "" } = headers;
  if (location !== "") return { ...answer, headers: { ...headers, location: rewriteUrl(location, place) } };
  const isPage = contentType.split(";", 1)[0]?.trim() === "text/html";
  const recoded = isPage ? await recoder(encoding) : undefined;
  if (recoded === undefined) return { ...answer, headers };
  delete headers["content-length"];
  return { ...answer, headers, body: recoded(answer.body, (page) => rewriteLinks(page, place)) };
}

type Bytes = AsyncIterable<Uint8Array>;
type Recoder = (body: Bytes, change: (page: Bytes) => Bytes) => Bytes;

async function recoder(encoding: string): Promise<Recoder | undefined> {
  if (encoding === "") return (body, change) => change(body);
  if (encoding !== "gzip" && encoding !== "deflate") return undefined;
  const [zlib, { compose }] = await Promise.all([import("node:zlib"), import("node:stream")]);
  const [open, close] =
    encoding === "gzip"
      ? [zlib.createGunzip(), zlib.createGzip()]
      : [zlib.createInflateRaw(), zlib.createDeflateRaw()];
  return (body, change) => compose(body, open, change, close) as Readable;
}
