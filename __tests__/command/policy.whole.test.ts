// `sign-image policy`: policies in the words of another cluster, read back by what writes none.
import { describe, expect, it } from 'vitest';
import { key } from '../verify-action/gate.ts';
import { command } from './command.ts';

const pem = key('release.pub').trim();
const kyverno = `apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata: {name: signed}
spec:
  rules:
    - name: signed
      match: {any: [{resources: {kinds: [Pod]}}]}
      verifyImages:
        - imageReferences: ["ghcr.io/acme/*"]
          failureAction: Enforce
          attestors:
            - entries:
                - keys:
                    publicKeys: |
${pem.replace(/^/gm, '                      ')}
                    rekor: {ignoreTlog: true}
`;
const files = { 'one.yaml': kyverno };

describe('sign-image policy', () => {
  it.each([
    ['ivp', 'kind: ImageValidatingPolicy'],
    ['openshift', 'apiVersion: config.openshift.io/v1'],
    ['policy-json', '"sigstoreSigned"'],
  ])('writes %s, which is read again', async (to, said) => {
    const { code, stdout, stderr } = await command(['policy', '--to', to, 'one.yaml'], {
      files,
    });
    expect(code, stderr).toBe(0);
    expect(stdout).toContain(said);
    const name = to === 'policy-json' ? 'again.json' : 'again.yaml';
    const again = await command(['policy', '--to', to, name], { files: { [name]: stdout } });
    expect([again.code, again.stderr]).toEqual([0, expect.anything()]);
    expect(again.stdout).toContain(said);
  });

  it('tells what cannot be said there, and ends with 1', async () => {
    const open = kyverno.replace(
      '          failureAction',
      '          skipImageReferences: ["ghcr.io/acme/old*"]\n          failureAction',
    );
    const { code, stderr } = await command(['policy', '--to', 'cip', 'one.yaml'], {
      files: { 'one.yaml': open },
    });
    expect(code).toBe(1);
    expect(stderr).toContain('one.yaml, line ');
    expect(stderr).toContain('it exempts images');
  });

  it.each([
    [['policy', 'one.yaml'], 'Nothing says what to write'],
    [['policy', '--to', 'rego', 'one.yaml'], 'no such kind'],
    [['policy', '--to', 'ivp'], 'inputs key, certificate-identity and policy are all empty'],
  ])('%j is wrong use', async (args, said) => {
    const { code, stderr } = await command(args, { files: { 'one.yaml': kyverno } });
    expect([code, stderr]).toEqual([2, expect.stringContaining(said)]);
  });
});
