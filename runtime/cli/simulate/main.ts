// Runs the verb straight from source: node --import tsx runtime/cli/simulate/main.ts --batch CASES --out-dir OUT

import { simulateCommand } from "./command.ts";

simulateCommand().parse();
