// Failed until told otherwise: a run that ends without an answer has not succeeded. Set, not
// exit(): what has been printed must reach the runner.
process.exitCode = 1;
setImmediate(async () => {
  const { runPromote } = await import('../promote.ts');
  process.exitCode = await runPromote(process.env);
});
