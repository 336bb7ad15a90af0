import { readFileSync, statSync } from 'node:fs';
import { connectAhead } from '../../http/ahead.ts';
import { deriveAhead } from '../../keys/derive.ts';
import type { BegunBefore } from '../world.ts';
import type { Asked } from './arguments.ts';

/**
 * Begins what takes its time, as the actions do: the connections come about, and the password of a
 * key is stretched. Nothing is checked or told here; what is not plain to see is left alone.
 */
export function begin({ verb, values }: Asked, env: NodeJS.ProcessEnv): BegunBefore {
  const connections = () =>
    connectAhead({
      ...env,
      INPUT_IMAGES: values.get('images'),
      'INPUT_ALLOW-HTTP-REGISTRY': values.get('allow-http-registry'),
    });
  if (verb === 'verify') return { connections: connections() };
  const key = values.get('key');
  // Keyless may be refused, and then nobody must have been contacted.
  if ((verb !== 'sign' && verb !== 'attest') || key === undefined) return {};
  const password = values.get('key-password');
  return {
    connections: connections(),
    derived: deriveAhead(
      textOf(key, env),
      password === undefined ? env.COSIGN_PASSWORD : variableOf(password, env),
    ),
  };
}

function variableOf(place: string, env: NodeJS.ProcessEnv): string | undefined {
  return env[/^env:\/\/(\w+)$/.exec(place.trim())?.[1] ?? ''];
}

/** bytes; an encrypted key has 700 */
const mostKeyBytes = 16_384;

function textOf(key: string, env: NodeJS.ProcessEnv): string {
  if (key.trim().startsWith('env://')) return variableOf(key, env) ?? '';
  try {
    const found = statSync(key);
    return found.isFile() && found.size <= mostKeyBytes ? readFileSync(key, 'latin1') : '';
  } catch {
    return ''; // told by whoever reads it
  }
}
