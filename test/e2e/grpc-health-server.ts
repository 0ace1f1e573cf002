/** A gRPC server whose health a test decides: argv is address and file; it serves while the file exists. It prints who is asked for. */
import { existsSync } from "node:fs";
import { Server, ServerCredentials, type handleUnaryCall } from "@grpc/grpc-js";

const [address = "", file = ""] = process.argv.slice(2);
/** HealthCheckResponse { status: SERVING } and { status: NOT_SERVING } on the wire. */
const SERVING = Buffer.from([0x08, 1]);
const NOT_SERVING = Buffer.from([0x08, 2]);

const asBytes = (bytes: Buffer): Buffer => bytes;
/** The request is a HealthCheckRequest: nothing, or the length and the text of a short name. */
const check: handleUnaryCall<Buffer, Buffer> = ({ request }, answer) => {
  console.log(`checked ${request.toString("utf8", 2)}`);
  answer(null, existsSync(file) ? SERVING : NOT_SERVING);
};
const server = new Server();
server.addService(
  {
    Check: {
      path: "/grpc.health.v1.Health/Check",
      requestStream: false,
      responseStream: false,
      requestSerialize: asBytes,
      requestDeserialize: asBytes,
      responseSerialize: asBytes,
      responseDeserialize: asBytes,
    },
  },
  { Check: check },
);
server.bindAsync(address, ServerCredentials.createInsecure(), (err) => {
  if (err !== null) throw err;
  console.log("listening");
});
