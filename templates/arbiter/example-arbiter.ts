// An arbiter in Consul's store of keys: GET tells the value with the index of its last change, PUT with ?cas=INDEX replaces it if that
// is still its index. Replace the requests by those of your service; what it must be able to do is said in sdk/arbiter.ts.

import { AgentError, defineArbiter, Secret, Type } from "systole/sdk";

interface Entry {
  readonly ModifyIndex: number;
  /** Base64. */
  readonly Value: string;
}

/** What Consul tells of a key: a list with one entry. */
function entryOf(text: string): Entry {
  const [entry]: readonly Partial<Entry>[] = JSON.parse(text);
  if (typeof entry?.ModifyIndex !== "number" || typeof entry.Value !== "string")
    throw new AgentError("generic", "Consul's answer is no entry of a key.");
  return { ModifyIndex: entry.ModifyIndex, Value: entry.Value };
}

function decoded(base64: string): string {
  return new TextDecoder().decode(Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)));
}

export default defineArbiter({
  name: "example-arbiter",
  summary: "A register in Consul's store of keys, by check-and-set",
  parameters: Type.Object({
    url: Type.String({
      description:
        "Of the key, another one for each cluster, such as https://consul.example.net:8501/v1/kv/systole/shop",
      pattern: "^https?://",
    }),
    // Blotted out of every log, status and error.
    token: Secret("Token that may read and write the key"),
  }),
  // What is not declared here does not exist in ctx. Placeholders are parameters.
  permissions: { net: ["{url}"] },

  // Undefined only when nothing stands there: an answer in doubt is an error. ?consistent: not what a follower remembers.
  async read({ fetch, params }) {
    const { status, text } = await fetch(`${params.url}?consistent`, { headers: { "x-consul-token": params.token } });
    if (status === 404) return undefined;
    if (status !== 200) throw new AgentError("generic", `Consul answered ${status}.`);
    const { ModifyIndex, Value } = entryOf(text);
    return { text: decoded(Value), tag: `${ModifyIndex}` };
  },

  // The comparison must be the service's, in one step. cas=0: only if the key is not there.
  async replace({ text, expectedTag }, { fetch, params }) {
    const answer = await fetch(`${params.url}?cas=${expectedTag ?? "0"}`, {
      method: "PUT",
      headers: { "x-consul-token": params.token },
      body: text,
    });
    if (answer.status !== 200) throw new AgentError("generic", `Consul answered ${answer.status}.`);
    return answer.text.trim() === "true" ? "replaced" : "conflict";
  },
});
