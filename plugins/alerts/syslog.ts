// Writes each alert to a syslog server, one message in the form of RFC 5424: over TCP or TLS (RFC 6587 and 5425, with counted
// octets), where a server that cannot be reached is noticed and tried again, or over UDP (RFC 5426), where nobody notices.

import { AgentError, type Alert, defineAlertSink, type Tcp, Type } from "systole/sdk";

/** Codes of RFC 5424, table 1. */
const FACILITIES: Readonly<Record<string, number>> = {
  user: 1,
  daemon: 3,
  ...Object.fromEntries([0, 1, 2, 3, 4, 5, 6, 7].map((number) => [`local${number}`, 16 + number])),
};
/** Codes of RFC 5424, table 2. */
const ERROR = 3;
const WARNING = 4;
const NOTICE = 5;
/** The largest sequenceId (RFC 5424, 7.3.1). */
const MAXIMUM_SEQUENCE = 2_147_483_647;
/** A datagram leaves a moment after it was given away. */
const DATAGRAM_MS = 20;
const BYTE_ORDER_MARK = "\ufeff";

interface Parameters {
  readonly address: string;
  readonly port: number;
  readonly transport: string;
  readonly ca?: string;
  readonly pinSha256?: string;
}

function severityOf(alert: Alert): number {
  if (alert.kind === "fencing") return alert.ok ? WARNING : ERROR;
  if (alert.kind === "node") return alert.state === "lost" ? WARNING : NOTICE;
  if (alert.kind === "resource") return alert.ok ? NOTICE : WARNING;
  return alert.kind === "dropped" ? WARNING : NOTICE;
}

/** `<29>1 2026-01-04T15:07:09.042Z node1 systole - node [meta sequenceId="7"] shop: node2 is a member of the cluster` */
function messageOf(alert: Alert, facility: string): Uint8Array {
  const priority = (FACILITIES[facility] ?? 0) * 8 + severityOf(alert);
  const time = new Date(alert.epochMs).toISOString();
  const sequence = ((alert.sequence - 1) % MAXIMUM_SEQUENCE) + 1;
  const text = `${alert.cluster === undefined ? "" : `${alert.cluster}: `}${alert.text.replace(/\s+/g, " ")}`;
  const mark = /^[\x20-\x7e]*$/.test(text) ? "" : BYTE_ORDER_MARK;
  const header = `<${priority}>1 ${time} ${alert.sender} systole - ${alert.kind} [meta sequenceId="${sequence}"]`;
  return new TextEncoder().encode(`${header} ${mark}${text}`);
}

async function sendStream(message: Uint8Array, params: Parameters, tcp: Tcp): Promise<void> {
  const { address: host, port, transport, ca, pinSha256 } = params;
  const tls = { ...(ca === undefined ? {} : { ca }), ...(pinSha256 === undefined ? {} : { pinSha256 }) };
  const socket = await tcp.connect({ host, port, ...(transport === "tls" ? { tls } : {}) });
  const count = new TextEncoder().encode(`${message.length} `);
  await socket.write(new Uint8Array([...count, ...message]));
  await socket.close();
}

export default defineAlertSink({
  name: "syslog",
  summary: "Writes each alert to a syslog server (RFC 5424)",
  parameters: Type.Object({
    address: Type.String({ description: "Of the server; for udp an IP address", minLength: 1 }),
    port: Type.Integer({
      description: "Of the server; usually 601 for tcp, 6514 for tls, 514 for udp",
      minimum: 1,
      maximum: 65_535,
    }),
    transport: Type.Enum(["tcp", "tls", "udp"], {
      description: "Over udp nobody notices what is lost",
      default: "tcp",
    }),
    facility: Type.Enum(Object.keys(FACILITIES), { description: "Facility of the messages", default: "daemon" }),
    ca: Type.Optional(
      Type.String({ description: "Certificate authorities in PEM that are trusted instead of this machine's" }),
    ),
    pinSha256: Type.Optional(
      Type.String({ description: "SHA-256 of the server's certificate in hexadecimal: this one, whoever signed it" }),
    ),
  }),
  permissions: { net: ["{address}:{port}/tcp", "{address}:{port}/udp", "0.0.0.0:0/udp", "[::]:0/udp"] },
  timeouts: { deliver: "10s" },
  async deliver(alert, { params, tcp, udp, sleep }) {
    const { address, port, transport, facility } = params;
    const message = messageOf(alert, facility);
    if (transport !== "udp") {
      await sendStream(message, params, tcp);
      return;
    }
    if (!/^[\d.]+$|:/.test(address))
      throw new AgentError("not-configured", `${address} is no IP address, which transport udp needs.`);
    const socket = await udp.bind({ address: address.includes(":") ? "::" : "0.0.0.0", port: 0 }, () => undefined);
    socket.send(message, address, port);
    await sleep(DATAGRAM_MS);
    await socket.close();
  },
});
