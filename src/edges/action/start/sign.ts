import { beginSigning } from './begin.ts';

// Failed until told otherwise: a run that ends without an answer has not succeeded. Set, not
// exit(): what has been printed must reach the runner. The rest, in dist/ a file of its own, is
// loaded while the password is stretched and the connections come about.
process.exitCode = 1;
const begun = beginSigning(process.env);
setImmediate(async () => {
  const { runSign } = await import('../sign.ts');
  process.exitCode = await runSign(process.env, begun);
});
