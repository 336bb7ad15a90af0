import { runSign } from './run/sign.ts';

// Failed until told otherwise: a run that ends without an answer has not succeeded. Set, not
// exit(): what has been printed must reach the runner. No top-level await: files that are loaded on
// demand import this one, and would wait for the end of the run.
process.exitCode = 1;
void runSign().then((code) => {
  process.exitCode = code;
});
