import { randomBytes } from 'node:crypto';
import { type RegistryOptions, type SandboxRegistry, startRegistry } from './registry.ts';
import type { Auth } from './registry-auth.ts';
import { type Behaviour, type BehaviourName, behaviours } from './registry-behaviours.ts';

/** A registry that behaves like a known one, and how to log in to it. */
export interface KnownRegistry {
  readonly registry: SandboxRegistry;
  /** undefined where it asks for none */
  readonly credentials: { readonly username: string; readonly password: string } | undefined;
  /** what `docker login` would have left in ~/.docker/config.json */
  readonly dockerConfig: string;
  /** everything that must not be seen anywhere */
  readonly secrets: readonly string[];
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Starts a registry that behaves like the named one, with its kind of login and a password nobody
 * knows.
 */
export async function startRegistryLike(
  name: BehaviourName,
  more: RegistryOptions = {},
): Promise<KnownRegistry> {
  const behaviour: Behaviour = behaviours[name];
  const account = {
    username: name === 'acr' ? '00000000-0000-0000-0000-000000000000' : 'octocat',
    password: randomBytes(18).toString('base64url'),
  };
  const registry = await startRegistry({
    ...behaviour.switches,
    auth: authOf(behaviour, account),
    ...more,
  });
  const known = { registry, [Symbol.asyncDispose]: registry.close };
  if (behaviour.auth === 'none')
    return { ...known, credentials: undefined, dockerConfig: '{}', secrets: [] };
  const auth = Buffer.from(`${account.username}:${account.password}`).toString('base64');
  const refresh = behaviour.auth === 'token-with-refresh';
  const entry = refresh
    ? {
        auth: Buffer.from(`${account.username}:`).toString('base64'),
        identitytoken: account.password,
      }
    : { auth };
  const dockerConfig = JSON.stringify({ auths: { [registry.host]: entry } });
  return {
    ...known,
    credentials: account,
    dockerConfig,
    secrets: [account.password, ...(refresh ? [] : [auth])],
  };
}

function authOf({ auth }: Behaviour, account: { username: string; password: string }): Auth {
  switch (auth) {
    case 'none':
      return { kind: 'none' };
    case 'basic':
      return { kind: 'basic', accounts: [account] };
    case 'token':
      return { kind: 'token', accounts: [account] };
    case 'token-with-refresh':
      return {
        kind: 'token',
        accounts: [account],
        refreshTokens: [account.password],
        field: 'access_token',
      };
  }
}
