import { connectAhead } from '../../../http/ahead.ts';

// Failed until told otherwise: a run that ends without an answer has not succeeded. Set, not
// exit(): what has been printed must reach the runner. The rest, in dist/ a file of its own, is
// loaded while the connections come about; Node begins them when this file has ended.
process.exitCode = 1;
const ahead = connectAhead(process.env);
setImmediate(async () => {
  const { runVerify } = await import('../verify.ts');
  process.exitCode = await runVerify(process.env, ahead);
});
