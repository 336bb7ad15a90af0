import { runVerify } from './run/verify.ts';

// Set, not exit(): what has been printed must reach the runner.
process.exitCode = await runVerify();
