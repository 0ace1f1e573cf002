/** The address of this machine from which another one is reached. @module */
import { createSocket } from "node:dgram";
import { lookup } from "node:dns/promises";

/** Nothing is sent: connecting a datagram socket only chooses the way. */
export async function addressTowards(serverUrl: string, signal: AbortSignal): Promise<string> {
  const { hostname, port } = new URL(serverUrl);
  const { address, family } = await lookup(hostname.replace(/^\[(.*)\]$/, "$1"));
  const socket = createSocket({ type: family === 6 ? "udp6" : "udp4", signal });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once("error", reject);
      socket.connect(port === "" ? 443 : Number(port), address, resolve);
    });
    return socket.address().address;
  } finally {
    socket.close();
  }
}
