import { runSign } from './run/sign.ts';

// Set, not exit(): what has been printed must reach the runner.
process.exitCode = await runSign();
