/** How values that are made for one answer (Status, Scale, reviews) are shown. @module */
import { PROTOBUF_MEDIA_TYPE, StatusError } from "#apimachinery";
import { negotiateValue, type TextFormat } from "../handlers/negotiate.ts";
import type { Representation } from "../handlers/request.ts";
import { protobufFormOf } from "./protobuf-form.ts";

/** In the format that `accept` asks for. Throws NotAcceptable when the value cannot be written in any. */
export function valueRepresentation(accept: string, value: unknown): Representation {
  const protobuf = protobufFormOf(value);
  const { format } = negotiateValue(accept, protobuf !== undefined);
  if (format !== "protobuf" || protobuf === undefined) return textRepresentation(format as TextFormat);
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
