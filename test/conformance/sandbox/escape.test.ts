// Attempts to get out of the sandbox. Each is made where nothing holds it and has to succeed there, so that none is dead; then
// in the sandbox, and there it must fail, with Deno alone as with the guest around it. Both outcomes are printed by name.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { findDeno } from "../../../runtime/host/plugins/sandbox/program.ts";
import { doors } from "./doors.ts";
import { files } from "./files.ts";
import { imports } from "./imports.ts";
import { natives } from "./natives.ts";
import { net } from "./net.ts";
import { asPlugin, inProcess, outside } from "./places.ts";
import { type Outcome, PLACES, type Place, type Probe } from "./probe.ts";
import { programs } from "./programs.ts";
import { system } from "./system.ts";
import { openWorld, type World } from "./world.ts";

const TOPICS = [net, files, programs, system, natives, imports, doors];
const deno = findDeno();
const skip = deno === undefined ? "there is no Deno for this platform (npm package deno)" : false;

const placesOf = ({ places }: Probe): readonly Place[] => places ?? PLACES;

describe("escapes from the sandbox", { skip, timeout: 120_000 }, () => {
  let world: World;
  before(async () => {
    world = await openWorld();
  });
  after(async () => {
    await world.close();
  });

  for (const { topic, probes } of TOPICS) {
    describe(topic, () => {
      const outcomes = new Map<Place, Map<string, Outcome>>();
      const at = (place: Place): Probe[] => probes.filter((probe) => placesOf(probe).includes(place));
      const keep = (place: Place, found: readonly Outcome[]): void =>
        void outcomes.set(place, new Map(found.map((outcome) => [outcome.name, outcome])));
      before(async () => {
        const { facts } = world;
        const program = deno ?? "";
        keep("outside", await outside(at("outside"), facts, program));
        keep("process", await inProcess(at("process"), facts, program, world.inside));
        keep("plugin", await asPlugin(at("plugin"), facts, program, world.inside));
      });
      for (const probe of probes) {
        test(probe.name, (t) => {
          for (const place of placesOf(probe)) {
            const outcome = outcomes.get(place)?.get(probe.name);
            assert.ok(outcome, `${place}: the attempt was not made`);
            const gotOut = world.gotOut(outcome);
            t.diagnostic(
              `${place}: ${gotOut ? "got out" : "held"} (${outcome.said.slice(0, 120).replace(/\s+/g, " ")})`,
            );
            assert.equal(gotOut, place === "outside", `${place}: ${outcome.said}`);
          }
        });
      }
    });
  }
});
