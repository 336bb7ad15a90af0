import { systemClock } from '../../src/clock.ts';
import { openRegistry } from '../../src/registry/client.ts';
import type { RegistryOptions } from '../../src/registry/connection.ts';
import type { Credentials } from '../../src/registry/login.ts';
import { client } from '../http/server.ts';

/** acme/app of the registry at `host`, as a run opens it; `secrets` is what was masked. */
export function open(host: string, more: Partial<RegistryOptions> & { login?: Credentials } = {}) {
  const { login, ...options } = more;
  const secrets: string[] = [];
  const { http, events } = client({ random: () => 0 });
  const registry = openRegistry({
    http,
    clock: systemClock,
    credentials: async () => login,
    access: 'pull,push',
    mask: (secret) => secrets.push(secret),
    retryBudget: 0,
    ...options,
  });
  const repository = (name = 'acme/app') => registry({ registry: host, repository: name });
  return { repository, events, secrets };
}

export const login = { kind: 'password', username: 'robot', password: 'open sesame' } as const;
