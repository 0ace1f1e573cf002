/** How values that are made for one answer (Status, Scale, reviews) are shown. @module */
import { PROTOBUF_MEDIA_TYPE, StatusError } from "#apimachinery";
import { negotiate, negotiateAny, type TextFormat } from "../handlers/negotiate.ts";
import type { Representation } from "../handlers/request.ts";
import { protobufFormOf } from "./protobuf-form.ts";

/** In the format that `accept` asks for. Throws NotAcceptable when the value cannot be written in any. */
export function valueRepresentation(accept: string, value: unknown): Representation {
  const protobuf = protobufFormOf(value);
  if (protobuf === undefined) return textRepresentation(negotiate(accept).format);
  const { format } = negotiateAny(accept);
  if (format !== "protobuf") return textRepresentation(format);
  return { format, contentType: PROTOBUF_MEDIA_TYPE, pretty: false, protobuf };
}

/** As `valueRepresentation`; an answer that the client would not accept goes out as JSON all the same: it is the answer. */
export function statusRepresentation(accept: string, status: unknown): Representation {
  try {
    return valueRepresentation(accept, status);
  } catch (err) {
    if (!(err instanceof StatusError)) throw err;
    return textRepresentation("json");
  }
}

function textRepresentation(format: TextFormat): Representation {
  return { format, contentType: `application/${format}`, pretty: false };
}
