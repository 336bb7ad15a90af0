import { endStep } from './run/end.ts';
import { runKeygen } from './run/keygen.ts';

// Failed until told otherwise: a run that ends without an answer has not succeeded.
// No top-level await: files that are loaded on demand import this one, and would wait for the end of the run.
process.exitCode = 1;
void runKeygen().then(endStep);
