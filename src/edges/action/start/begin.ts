import { connectAhead } from '../../../http/ahead.ts';
import { deriveAhead } from '../../../keys/derive.ts';

/**
 * Begins what takes its time, before the program of a run that signs is loaded: the password is
 * stretched, and the connections come about.
 */
export function beginSigning(env: NodeJS.ProcessEnv) {
  const given = env['INPUT_KEY-PASSWORD'] ?? '';
  const text = env.INPUT_KEY?.trim() ?? '';
  const derived = deriveAhead(
    env[/^env:\/\/(\w+)$/.exec(text)?.[1] ?? ''] ?? text,
    /^[\r\n]*$/.test(given) ? env.COSIGN_PASSWORD : given,
  );
  // Keyless may be refused, and then nobody must have been contacted.
  return { derived, connections: text === '' ? undefined : connectAhead(env) };
}
