// Runs the verb straight from source: node --import tsx runtime/cli/simulate/main.ts --batch CASES --out-dir OUT

import { reportOf } from "../failure.ts";
import { processIo } from "../io.ts";
import { simulateCommand } from "./command.ts";

try {
  simulateCommand(processIo()).parse();
} catch (error) {
  const report = reportOf(error);
  if (report === undefined) throw error;
  process.stderr.write(`${report.message}\n`);
  process.exitCode = report.exitCode;
}
