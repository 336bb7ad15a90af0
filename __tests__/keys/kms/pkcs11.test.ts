import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { idsOfLabel, listedKey, readTokenUri } from '../../../src/keys/pkcs11-uri.ts';
import { signDigest } from '../../sandbox/kms/sign-digest.ts';
import { failureOf, freshKey } from '../samples.ts';
import { loadPublicKeys, loadReferencedSigner, signBy, tools } from './tools.ts';

const pin = '648219';
const reference = 'pkcs11:token=release;object=sign?module-path=/lib/t.so';
const key = freshKey();

const list = `Public Key Object; EC  EC_POINT 256 bits
  EC_POINT:   044104aa
  EC_PARAMS:  06082a8648ce3d030107
  label:      other
  ID:         02
Public Key Object; RSA 2048 bits
  label:      sign
  ID:         01
  Usage:      verify
Public Key Object; RSA 2048 bits
  label:      twice
  ID:         03
Public Key Object; RSA 2048 bits
  label:      twice
  ID:         04
`;

/** Enough of pkcs11-tool to see what it is asked; the real one is in the interop tests. */
function token(args: readonly string[], env: Readonly<Record<string, string>>, stdin?: Uint8Array) {
  const has = (option: string, value: string) =>
    args[args.indexOf(option) + 1] === value && args.includes(option);
  if (!has('--module', '/lib/t.so'))
    return { exitCode: 1, stderr: 'error: Failed to load pkcs11 module' };
  if (!has('--token-label', 'release'))
    return { exitCode: 1, stderr: 'No slot with token named "x" found' };
  if (args.includes('--list-objects'))
    return { stdout: Buffer.from(has('--type', 'pubkey') ? list : '') };
  if (!has('--id', '01')) return { exitCode: 1, stderr: 'error: object not found' };
  if (args.includes('--read-object')) {
    return has('--type', 'pubkey')
      ? { stdout: key.publicKey.export({ type: 'spki', format: 'der' }) }
      : { exitCode: 1, stderr: 'error: object not found' };
  }
  const variable = /^env:(\w+)$/.exec(args[args.indexOf('--pin') + 1] ?? '')?.[1] ?? '';
  if (env[variable] !== pin)
    return {
      exitCode: 1,
      stderr: 'error: PKCS11 function C_Login failed: rv = CKR_PIN_INCORRECT (0xa0)',
    };
  return { stdout: signDigest(key.privateKey, Buffer.from(stdin ?? []), 'sha256') };
}

function machineFor(env: Record<string, string>) {
  const machine = tools({ env });
  return Object.assign(machine, {
    run: async (
      command: string,
      args: readonly string[],
      options: { env?: Readonly<Record<string, string>>; stdin?: Uint8Array } = {},
    ) => {
      machine.programs.push([command, ...args].join(' '));
      return {
        exitCode: 0,
        stdout: Buffer.alloc(0),
        stderr: '',
        ...token(args, options.env ?? {}, options.stdin),
      };
    },
  });
}

describe('a PKCS #11 token', () => {
  it('signs a digest, with the PIN in one variable and not among the arguments', async () => {
    for (const [text, env] of [
      [reference, { COSIGN_PKCS11_PIN: pin }],
      [`${reference}&pin-value=${pin}`, {}],
      [
        'pkcs11:token=release;id=%01;object=other',
        { COSIGN_PKCS11_PIN: pin, COSIGN_PKCS11_MODULE_PATH: '/lib/t.so' },
      ],
    ] as const) {
      const machine = machineFor(env);
      expect(await signBy(text, machine)).toMatchObject({ valid: true });
      // Never by a label, of which pkcs11-tool takes no notice when it signs.
      expect(
        machine.programs
          .filter((line) => line.includes('--sign'))
          .map((line) => line.includes('--id 01')),
      ).toEqual([true]);
      expect(machine.programs.join(' ')).not.toContain('--label');
      expect(machine.programs.join(' ')).not.toContain(pin);
      expect(machine.masked).toEqual([pin]);
    }
  });

  it('shows the public key without a PIN', async () => {
    const [shown] = await loadPublicKeys(reference, machineFor({}));
    expect(shown?.equals(key.publicKey)).toBe(true);
  });

  it('asks a card for one signature after the other', async () => {
    const machine = machineFor({ COSIGN_PKCS11_PIN: pin });
    let running = 0;
    const run = machine.run;
    machine.run = async (...asked) => {
      expect(++running).toBe(1);
      await new Promise((resolve) => setTimeout(resolve, 2));
      running--;
      return run(...asked);
    };
    const signer = await loadReferencedSigner(reference, machine);
    await Promise.all(Array.from({ length: 5 }, (_, index) => signer.sign(Buffer.from([index]))));
  });

  it.each<[string, string, Record<string, string>, string, string]>([
    [
      'a wrong PIN',
      reference,
      { COSIGN_PKCS11_PIN: '000000' },
      'kms-credentials',
      'refuses the PIN',
    ],
    [
      'another token',
      reference.replace('release', 'x'),
      { COSIGN_PKCS11_PIN: pin },
      'kms-key',
      'no token on this runner',
    ],
    [
      'another key',
      reference.replace('sign', 'x'),
      { COSIGN_PKCS11_PIN: pin },
      'kms-key',
      'has no key',
    ],
    [
      'another key, without a PIN',
      reference.replace('sign', 'x'),
      {},
      'kms-credentials',
      'without a PIN',
    ],
    [
      'a label that two keys have',
      reference.replace('sign', 'twice'),
      { COSIGN_PKCS11_PIN: pin },
      'kms-key',
      'several keys',
    ],
    [
      'a module that is not there',
      reference.replace('/t.so', '/x.so'),
      { COSIGN_PKCS11_PIN: pin },
      'bad-key',
      'cannot be loaded',
    ],
  ])('says what to do about %s', async (_, text, env, code, words) => {
    const failure = await failureOf(() => signBy(text, machineFor(env)));
    expect(failure.code).toBe(code);
    expect(failure.message).toContain(words);
    expect(`${failure.message}${failure.fix}`).not.toContain(pin);
  });

  it('says what to install', async () => {
    const failure = await failureOf(() => signBy(reference, tools({})));
    expect(failure.fix).toContain('apt-get install opensc');
  });
});

describe('the list of a token', () => {
  it('has the ids of labels', () => {
    expect(['other', 'sign', 'twice', 'none'].map((label) => idsOfLabel(list, label))).toEqual([
      ['02'],
      ['01'],
      ['03', '04'],
      [],
    ]);
  });

  it.each(['P-256', 'P-384'])('has EC keys: %s', (namedCurve) => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve });
    const der = publicKey.export({ type: 'spki', format: 'der' });
    const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
    const point = Buffer.concat([
      Buffer.from([4]),
      Buffer.from(x, 'base64url'),
      Buffer.from(y, 'base64url'),
    ]);
    const params = namedCurve === 'P-256' ? '06082a8648ce3d030107' : '06052b81040022';
    const text = `${list}Public Key Object; EC\n  EC_POINT:   04${point.length.toString(16)}${point.toString('hex')}\n  EC_PARAMS:  ${params}\n  label:      x\n  ID:         7F\n`;
    expect(listedKey(text, '7f')).toEqual(der);
    expect(listedKey(text, '01')).toBeUndefined();
    expect(listedKey(text, '02')).toBeUndefined();
  });
});

describe('a PKCS #11 URI', () => {
  it.each([
    [
      'pkcs11:token=a%20b;object=c%2bd?module-path=/m&pin-value=1%3b2',
      {},
      { module: '/m', token: 'a b', label: 'c+d', pin: '1;2' },
    ],
    ['pkcs11:slot-id=7;id=%de%AD?module-path=/m', {}, { module: '/m', slot: '7', id: 'dead' }],
    [
      'pkcs11:token=a;id=x',
      { COSIGN_PKCS11_MODULE_PATH: '/m', COSIGN_PKCS11_PIN: 'p' },
      { module: '/m', token: 'a', id: '78', pin: 'p' },
    ],
    [
      'pkcs11:library-manufacturer=x;token=ü;object=é?module-path=/m',
      {},
      { module: '/m', token: 'ü', label: 'é' },
    ],
  ])('%s', (text, env, wanted) => {
    expect(readTokenUri(text, env, 'key')).toEqual(wanted);
  });

  it.each([
    'pkcs11:',
    'pkcs11:token=a;object=b',
    'pkcs11:object=b?module-path=/m',
    'pkcs11:token=a?module-path=/m',
    'pkcs11:token=a;object=b?module-path=m',
    'pkcs11:token=a;token=c;object=b?module-path=/m',
    'pkcs11:token=a;object=%zz?module-path=/m',
    'pkcs11:token=a%00;object=b?module-path=/m',
    'pkcs11:token=--so-pin;object=b?module-path=/m',
    'pkcs11:slot-id=x;object=b?module-path=/m',
  ])('%s is refused', async (text) => {
    expect(await failureOf(() => readTokenUri(text, {}, 'key'))).toMatchObject({ code: 'bad-key' });
  });
});
