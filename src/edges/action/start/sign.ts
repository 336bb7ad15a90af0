// Failed until told otherwise: a run that ends without an answer has not succeeded. Set, not
// exit(): what has been printed must reach the runner.
process.exitCode = 1;
void import('../sign.ts').then(async ({ runSign }) => {
  process.exitCode = await runSign();
});
