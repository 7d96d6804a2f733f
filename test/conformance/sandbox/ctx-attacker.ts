// The plugin that tries to get more out of ctx than it was granted, and what it is granted.

import type { Attacker, WorldFacts } from "./probe.ts";

/** All that the attacker is granted; the tables say it in words. */
const PERMISSIONS = {
  read: ["{folder}/granted/**", "{folder}/r\u00e9serv\u00e9/**"],
  write: ["{folder}/granted/**"],
  run: [
    "echo *",
    "env",
    "sort *",
    "cat {folder}/granted/*",
    "bash {folder}/granted/script.sh",
    "bash script.sh",
    "printf {word}",
  ],
  daemon: ["sleep 600", "echo *"],
  net: ["http://127.0.0.1:{httpPort}/allowed/*", "{peer}:{tcpPort}/tcp", "127.0.0.1:0/udp", "{peer}:{udpPort}/udp"],
  attributes: ["probe-*", "__*", "standby", "terminate", "Maintenance", "fail-count-*", "master-*", "#health-*"],
  processes: ["SYSTOLE_PROBE_MARK={resource}"],
  promotionScore: true,
};

/** The attacker. */
export const CTX_ATTACKER: Attacker = {
  name: "ctx-attacker",
  permissions: PERMISSIONS,
  parameters: ["folder", "word", "peer", "httpPort", "tcpPort", "udpPort"],
};

/** Its parameters in this world, besides the attempt. */
export function settingsOf(facts: WorldFacts): Readonly<Record<string, string>> {
  const { folder, httpPort, tcpPort, udpPort } = facts;
  const ports = { httpPort: `${httpPort}`, tcpPort: `${tcpPort}`, udpPort: `${udpPort}` };
  return { world: JSON.stringify(facts), folder, word: "*", peer: "0x7f000001", ...ports };
}
