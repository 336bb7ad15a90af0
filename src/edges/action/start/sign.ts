import { connectAhead } from '../../../http/ahead.ts';
import { deriveAhead } from '../../../keys/derive.ts';

// Failed until told otherwise: a run that ends without an answer has not succeeded. Set, not
// exit(): what has been printed must reach the runner. The rest, in dist/ a file of its own, is
// loaded while the password is stretched and the connections come about.
process.exitCode = 1;
const { env } = process;
const given = env['INPUT_KEY-PASSWORD'] ?? '';
const text = env.INPUT_KEY?.trim() ?? '';
const derived = deriveAhead(
  env[/^env:\/\/(\w+)$/.exec(text)?.[1] ?? ''] ?? text,
  /^[\r\n]*$/.test(given) ? env.COSIGN_PASSWORD : given,
);
// Keyless may be refused, and then nobody must have been contacted.
const connections = text === '' ? undefined : connectAhead(env);
setImmediate(async () => {
  const { runSign } = await import('../sign.ts');
  process.exitCode = await runSign(env, { connections, derived });
});
