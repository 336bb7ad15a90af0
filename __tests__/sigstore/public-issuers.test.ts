import { describe, expect, it } from 'vitest';
import { Failure } from '../../src/failure.ts';
import { checkToken } from '../../src/sigstore/identity-token.ts';
import { warnOfFulcio } from '../../src/sigstore/public-issuers.ts';
import { circleciClaims, gitlabClaims } from '../command/claims.ts';

const fulcio = new URL('https://fulcio.sigstore.dev');
const own = new URL('https://fulcio.example.com');

const told = (iss: string, more: object = {}, audience = 'sigstore', at = fulcio) => {
  try {
    return warnOfFulcio(at, { iss, ...more }, audience) ?? 'nothing';
  } catch (caught) {
    if (caught instanceof Failure) return `${caught.code}: ${caught.message} ${caught.fix}`;
    throw caught;
  }
};

describe('a token, before the public-good Fulcio is asked', () => {
  it.each([
    'https://token.actions.githubusercontent.com',
    'https://token.actions.githubusercontent.com/octo-enterprise',
    'https://oidc.circleci.com',
    'https://oidc.circleci.com/org/3f1a9e7e-0000-4000-8000-000000000000',
    'https://agent.buildkite.com',
    'https://accounts.google.com',
    'https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF',
    'https://container.googleapis.com/v1/projects/p/locations/l/clusters/c',
    'https://westeurope.oic.prod-aks.azure.com/11111111-2222/33333333-4444/',
    'https://oauth2.sigstore.dev/auth',
  ])('of %s is taken', (issuer) => {
    expect(told(issuer)).toBe('nothing');
  });

  it.each([
    ['https://vstoken.dev.azure.com/0000', 'Azure Pipelines'],
    [
      'https://api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc',
      'Bitbucket Pipelines',
    ],
    ['https://codeberg.org/api/actions', 'Forgejo or Gitea'],
    ['https://ghes.example.com/_services/token', 'GitHub Enterprise Server'],
    ['https://token.actions.acme.ghe.com', 'data residency'],
  ])('of %s is refused, with what to do there', (issuer, system) => {
    const answer = told(issuer);
    expect(answer).toMatch(/^bad-identity-token: /);
    expect(answer).toContain(system);
    expect(answer).toMatch(/`key: env:\/\/COSIGN_PRIVATE_KEY`.*`fulcio-url: …`/s);
    // A Fulcio of one's own may trust whom it likes.
    expect(told(issuer, {}, 'sigstore', own)).toBe('nothing');
  });

  it.each([
    // One label or segment for `*`, and the whole text: none of these is in the list.
    'https://token.actions.githubusercontent.com/a/b',
    'https://token.actions.githubusercontent.com.evil.example',
    'https://gitlab.com/',
    'https://oidc.circleci.com/org/',
    'https://a.b.oic.prod-aks.azure.com/t',
    'https://jenkins.example.com/oidc',
  ])('of %s is warned of: the list may have grown', (issuer) => {
    expect(told(issuer)).toMatch(/^The issuer of the identity token, .* it may refuse the token\./);
  });

  it('of GitLab must say where the pipeline is defined; of another GitLab it is refused', () => {
    const { ci_config_ref_uri: _, ...child } = gitlabClaims;
    expect(told('https://gitlab.com', gitlabClaims)).toBe('nothing');
    expect(told('https://gitlab.com', child)).toMatch(/^bad-identity-token: .*ci_config_ref_uri/);
    expect(told('https://gitlab.example.com', gitlabClaims)).toContain('a GitLab of your own');
  });

  it('must be for its audience', () => {
    expect(told('https://gitlab.com', gitlabClaims, 'mine')).toMatch(/for audience "mine"/);
    expect(told('https://gitlab.com', gitlabClaims, 'mine', own)).toBe('nothing');
  });
});

describe('a token for another audience', () => {
  const token = (claims: object) =>
    ['{"alg":"RS256"}', JSON.stringify({ exp: 2e9, ...claims }), 'signature']
      .map((part) => Buffer.from(part).toString('base64url'))
      .join('.');
  const refusal = (claims: object) => {
    try {
      checkToken(token(claims), 'sigstore', { what: 'The token', fresh: false });
    } catch (caught) {
      return caught as Failure;
    }
    return undefined;
  };

  it.each([
    [
      'CircleCI',
      { ...circleciClaims, iss: 'https://oidc.circleci.com/org/1', aud: '1' },
      'circleci run oidc get --claims',
    ],
    [
      'CircleCI',
      { ...circleciClaims, iss: 'https://oidc.circleci.com/org/1', aud: '1' },
      'CIRCLE_OIDC_TOKEN',
    ],
    [
      'GitLab',
      { ...gitlabClaims, iss: 'https://gitlab.com', aud: 'https://gitlab.com' },
      'SIGSTORE_ID_TOKEN:\n    aud: sigstore',
    ],
    [
      'Azure',
      { sub: 's', iss: 'https://vstoken.dev.azure.com/1', aud: 'api://AzureADTokenExchange' },
      'cannot be changed',
    ],
    [
      'Bitbucket',
      { sub: 's', iss: 'https://api.bitbucket.org/x', aud: 'ari:cloud:bitbucket' },
      'cannot be changed',
    ],
    [
      'anybody',
      { sub: 's', iss: 'https://issuer.example', aud: 'x' },
      'Get a token for audience "sigstore"',
    ],
  ])('of %s is told what to do there', (_, claims, fix) => {
    expect(refusal(claims)).toMatchObject({ code: 'bad-identity-token' });
    expect(refusal(claims)?.fix).toContain(fix);
    expect(refusal({ ...claims, aud: 'sigstore' })).toBeUndefined();
  });
});
