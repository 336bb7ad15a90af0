import { runKeygen } from './run/keygen.ts';

// Set, not exit(): what has been printed must reach the runner.
process.exitCode = await runKeygen();
