// How large a CIB may be. Each limit is far above anything that was ever meant, and low enough that a document at the limit
// is still handled without harm: every node keeps it in memory, sends it and computes with it.

export const CIB_LIMITS = {
  /** Elements below <configuration>. */
  elements: 400_000,
  /** Levels below <cib>. */
  depth: 40,
  /** Characters of one attribute value. */
  attributeCharacters: 256 * 1024,
  /** Characters of an id or a name. */
  idCharacters: 512,
  /** Attributes of one element. */
  attributes: 256,
  nodes: 1024,
  /** Primitives, groups, clones, bundles and templates. */
  resources: 20_000,
  constraints: 100_000,
  /** Instances that one clone may ask for. */
  cloneInstances: 10_000,
  /** Replicas that one bundle may ask for: each is a node as well. */
  bundleReplicas: 1_000,
} as const;
