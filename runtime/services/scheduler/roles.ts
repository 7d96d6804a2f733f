// Names of roles, as a CIB writes them (the names of before 2.1 included) and as people read them.

import { Role } from "./state.ts";

const BY_NAME: Readonly<Record<string, Role>> = {
  stopped: Role.Stopped,
  started: Role.Started,
  unpromoted: Role.Unpromoted,
  slave: Role.Unpromoted,
  promoted: Role.Promoted,
  master: Role.Promoted,
};

const TEXTS = ["Unknown", "Stopped", "Started", "Unpromoted", "Promoted"] as const;

/** Role.Unknown for what is none. */
export function parseRole(text: string | undefined): Role {
  return text === undefined ? Role.Unknown : (BY_NAME[text.toLowerCase()] ?? Role.Unknown);
}

export function roleText(role: Role): (typeof TEXTS)[number] {
  return TEXTS[role];
}

/** The role that a constraint asks for ("Started" means any); undefined when the text is none. */
export function constraintRole(text: string | undefined): Role | undefined {
  if (text === undefined) return Role.Unknown;
  const role = parseRole(text);
  if (role === Role.Unknown) return undefined;
  return role === Role.Started ? Role.Unknown : role;
}
