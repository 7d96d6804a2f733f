// The laws of every transport.

import { testTransport } from "systole/sdk/testing";
import transport from "./example-transport.ts";

testTransport(transport, {
  nodes: [
    { id: "a", addresses: ["192.0.2.1:7001"] },
    { id: "b", addresses: ["192.0.2.2:7001"] },
    { id: "c", addresses: ["[2001:db8::3]:7001"] },
  ],
});
