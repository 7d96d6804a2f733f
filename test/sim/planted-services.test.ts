// Mistakes in the services are found: see find-planted.ts.

import { describe } from "node:test";
import { testMistakesOf } from "./find-planted.ts";

describe("a mistake in the services is found", () => testMistakesOf("all"));
