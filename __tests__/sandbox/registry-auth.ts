import { randomBytes } from 'node:crypto';
import { type Asked, jsonReply, type Reply, refusal } from './registry-http.ts';

/** Somebody who may log in. Without `repositories`, everywhere. */
export interface Account {
  readonly username: string;
  readonly password: string;
  /** default: pull and push */
  readonly actions?: readonly ('pull' | 'push' | 'delete')[];
  readonly repositories?: readonly string[];
}

export interface TokenAuth {
  readonly kind: 'token';
  readonly accounts: readonly Account[];
  /** tokens for pull without credentials (default false) */
  readonly anonymousPull?: boolean;
  /** seconds; default 300 */
  readonly expiresIn?: number;
  /** name of the service; default `sandbox-registry` */
  readonly service?: string;
  /** the token service listens on a port of its own (default: /token of the registry) */
  readonly ownPort?: boolean;
  /** the field of the answer that has the token; default `token` */
  readonly field?: 'token' | 'access_token' | 'both';
  /**
   * who asks for more than allowed: `reduce` = a token for less (Docker Hub), `refuse` = 403 DENIED
   * (GHCR); default `reduce`
   */
  readonly excess?: 'reduce' | 'refuse';
  /** how the registry refuses a token that is too small; default 401 */
  readonly insufficientStatus?: 401 | 403;
  /** tokens that OAuth2's refresh grant takes: docker's `identitytoken` (ACR) */
  readonly refreshTokens?: readonly string[];
  /** GET with Basic is refused: only the OAuth2 grants work */
  readonly onlyOAuth2?: boolean;
}

export type Auth =
  | { readonly kind: 'none' }
  | { readonly kind: 'basic'; readonly accounts: readonly Account[] }
  | TokenAuth;

interface Grant {
  readonly scopes: readonly { readonly name: string; readonly actions: readonly string[] }[];
  /** when it ends, by the door's clock */
  readonly until: number;
}

type Actions = readonly string[];
const everything: Actions = ['pull', 'push', 'delete'];

/** A registry's door: checks who asks, and runs the token service. */
export class Door {
  private readonly auth: Auth;
  private readonly grants = new Map<string, Grant>();
  /** where clients are sent for a token; set once the listeners are up */
  realm: (asked: Asked) => string = () => '';
  /** Milliseconds; a test may put its own clock here instead of waiting. */
  now: () => number = () => performance.now();
  /** tokens given out so far */
  issued = 0;

  constructor(auth: Auth) {
    this.auth = auth;
  }

  /**
   * The refusal of a request that needs `action` on repository `name` (both undefined for /v2/), or
   * undefined where it may pass.
   */
  check(asked: Asked, name?: string, action?: string): Reply | undefined {
    if (this.auth.kind === 'none') return undefined;
    if (this.auth.kind === 'basic') return this.checkBasic(asked, this.auth.accounts, name, action);
    const grant = this.grantOf(asked);
    if (grant === undefined)
      return this.challenge(
        asked,
        this.auth,
        name,
        action,
        asked.headers.authorization === undefined ? undefined : 'invalid_token',
      );
    if (name === undefined || action === undefined || covers(grant, name, action)) return undefined;
    if (this.auth.insufficientStatus === 403)
      return refusal(403, 'DENIED', 'requested access to the resource is denied');
    return this.challenge(asked, this.auth, name, action, 'insufficient_scope');
  }

  /** True when whoever sent this may pull from that repository (for mounts). */
  mayPull(asked: Asked, name: string): boolean {
    return this.check(asked, name, 'pull') === undefined;
  }

  /** True when whoever sent this may push to that repository. */
  mayPush(asked: Asked, name: string): boolean {
    return this.check(asked, name, 'push') === undefined;
  }

  /**
   * The token service: GET with Basic or nothing (Docker token protocol), POST with an OAuth2
   * grant.
   */
  token(asked: Asked): Reply {
    if (this.auth.kind !== 'token') return refusal(404, 'UNSUPPORTED', 'no token service');
    if (asked.method === 'POST') return this.oauth2(asked, this.auth);
    if (asked.method !== 'GET') return refusal(405, 'UNSUPPORTED', 'GET or POST');
    if (this.auth.onlyOAuth2 === true)
      return refusal(401, 'UNAUTHORIZED', 'use the refresh token grant');
    const sent = asked.headers.authorization;
    const account = sent === undefined ? undefined : find(this.auth.accounts, sent);
    if (sent !== undefined && account === undefined)
      return refusal(401, 'UNAUTHORIZED', 'incorrect username or password');
    if (account === undefined && this.auth.anonymousPull !== true)
      return refusal(401, 'UNAUTHORIZED', 'authentication required');
    const { searchParams } = asked.url;
    return this.grant(
      this.auth,
      searchParams.get('service'),
      searchParams.getAll('scope'),
      account ?? anonymous,
    );
  }

  private checkBasic(
    asked: Asked,
    accounts: readonly Account[],
    name?: string,
    action?: string,
  ): Reply | undefined {
    const account = find(accounts, asked.headers.authorization ?? '');
    const challenge = { 'www-authenticate': 'Basic realm="sandbox"' };
    if (account === undefined)
      return refusal(401, 'UNAUTHORIZED', 'authentication required', challenge);
    if (name === undefined || action === undefined || allowed(account, name).includes(action))
      return undefined;
    return refusal(403, 'DENIED', 'requested access to the resource is denied');
  }

  private grantOf(asked: Asked): Grant | undefined {
    const [, token = ''] = /^bearer (\S+)$/i.exec(asked.headers.authorization ?? '') ?? [];
    const grant = this.grants.get(token);
    return grant !== undefined && grant.until > this.now() ? grant : undefined;
  }

  private challenge(
    asked: Asked,
    auth: TokenAuth,
    name?: string,
    action?: string,
    error?: string,
  ): Reply {
    const scope =
      name === undefined
        ? ''
        : `,scope="repository:${name}:${action === 'pull' ? 'pull' : `pull,${action}`}"`;
    const why = error === undefined ? '' : `,error="${error}"`;
    const header = `Bearer realm="${this.realm(asked)}",service="${serviceOf(auth)}"${scope}${why}`;
    return refusal(401, 'UNAUTHORIZED', 'authentication required', { 'www-authenticate': header });
  }

  private oauth2(asked: Asked, auth: TokenAuth): Reply {
    const form = new URLSearchParams(asked.body.toString('utf8'));
    const oauthError = (error: string) =>
      jsonReply(error === 'invalid_grant' ? 401 : 400, { error });
    if (!asked.headers['content-type']?.startsWith('application/x-www-form-urlencoded'))
      return oauthError('invalid_request');
    if (asked.headers.authorization !== undefined) return oauthError('invalid_request');
    const scopes = (form.get('scope') ?? '').split(' ').filter((scope) => scope !== '');
    if (form.get('grant_type') === 'refresh_token') {
      if (auth.refreshTokens?.includes(form.get('refresh_token') ?? '') !== true)
        return oauthError('invalid_grant');
      return this.grant(
        auth,
        form.get('service'),
        scopes,
        { username: '', password: '' },
        'access_token',
      );
    }
    if (form.get('grant_type') !== 'password') return oauthError('unsupported_grant_type');
    const account = auth.accounts.find(
      ({ username, password }) =>
        username === form.get('username') && password === form.get('password'),
    );
    return account === undefined
      ? oauthError('invalid_grant')
      : this.grant(auth, form.get('service'), scopes, account, 'access_token');
  }

  private grant(
    auth: TokenAuth,
    service: string | null,
    scopes: readonly string[],
    account: Account,
    field = auth.field ?? 'token',
  ): Reply {
    if (service !== serviceOf(auth))
      return refusal(400, 'UNSUPPORTED', `unknown service ${service}`);
    const asked = scopes.flatMap((scope) => scope.split(' ')).map(parseScope);
    if (asked.includes(undefined)) return refusal(400, 'UNSUPPORTED', 'invalid scope');
    const given = asked.flatMap((scope) =>
      scope === undefined
        ? []
        : [
            {
              name: scope.name,
              actions: scope.actions.filter((action) =>
                allowed(account, scope.name).includes(action),
              ),
            },
          ],
    );
    const short = given.some(
      (scope, at) => scope.actions.length < (asked[at]?.actions.length ?? 0),
    );
    if (short && auth.excess === 'refuse')
      return refusal(403, 'DENIED', 'requested access to the resource is denied');
    const token = randomBytes(32).toString('base64url');
    const seconds = auth.expiresIn ?? 300;
    this.grants.set(token, { scopes: given, until: this.now() + seconds * 1000 });
    this.issued += 1;
    const named = field === 'both' ? { token, access_token: token } : { [field]: token };
    return jsonReply(200, { ...named, expires_in: seconds, issued_at: new Date().toISOString() });
  }
}

const anonymous: Account = { username: '', password: '', actions: ['pull'] };
const serviceOf = (auth: TokenAuth) => auth.service ?? 'sandbox-registry';

function find(accounts: readonly Account[], authorization: string): Account | undefined {
  const [, encoded = ''] = /^basic ([A-Za-z0-9+/=]+)$/i.exec(authorization) ?? [];
  const sent = Buffer.from(encoded, 'base64').toString('utf8');
  return accounts.find(({ username, password }) => sent === `${username}:${password}`);
}

function allowed({ actions, repositories }: Account, name: string): Actions {
  return repositories === undefined || repositories.includes(name) ? (actions ?? everything) : [];
}

function covers({ scopes }: Grant, name: string, action: string): boolean {
  return scopes.some((scope) => scope.name === name && scope.actions.includes(action));
}

function parseScope(scope: string): { name: string; actions: string[] } | undefined {
  const [, name, list] = /^repository:([a-z0-9._/-]+):([a-z,*]+)$/.exec(scope) ?? [];
  if (name === undefined || list === undefined) return undefined;
  return {
    name,
    actions: list.split(',').flatMap((action) => (action === '*' ? everything : action)),
  };
}
