// The demonstration's service: a small HTTP server that says which node runs it and since when. The `process` agent
// starts it as a program of its own; it knows nothing of Systole.
//
// usage: web-server ADDRESS PORT

import { createServer } from "node:http";

const startedEpochMs = Date.now();
const [address = "127.0.0.1", port = "8080"] = process.argv.slice(2);
const node = process.env["SYSTOLE_NODE"] ?? "unknown";

const server = createServer((_request, response) => {
  response.setHeader("content-type", "application/json");
  response.setHeader("connection", "close");
  response.end(`${JSON.stringify({ node, startedEpochMs, pid: process.pid })}\n`);
});
server.on("error", (error) => {
  process.stderr.write(`The web server cannot listen on ${address}:${port}: ${error.message}\n`);
  process.exit(1);
});
server.listen(Number(port), address);
process.on("SIGTERM", () => process.exit(0));
