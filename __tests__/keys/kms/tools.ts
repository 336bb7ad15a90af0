import { randomBytes } from 'node:crypto';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { createHttp } from '../../../src/http/client.ts';
import { createDeadline } from '../../../src/http/deadline.ts';
import type { KeyTools, RanProgram } from '../../../src/keys/provider.ts';
import { loadPublicKeys, loadReferencedSigner } from '../../../src/keys/providers.ts';
import { verifies } from '../../../src/signature/key.ts';
import { hurriedClock } from '../../fake-clock.ts';

export interface TestTools extends KeyTools {
  readonly masked: string[];
  /** every program that was run, as one line */
  readonly programs: string[];
}

export interface TestMachine {
  readonly env?: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, string>>;
  readonly programs?: Readonly<
    Record<
      string,
      (args: readonly string[], env: Readonly<Record<string, string>>) => Partial<RanProgram>
    >
  >;
}

/** A machine with these variables, files and programs, and a real HTTP client. */
export function tools({ env = {}, files = {}, programs = {} }: TestMachine): TestTools {
  // Pauses between tries take no time here, and no test has to be done within a few seconds.
  const clock = hurriedClock();
  const deadline = createDeadline(300_000, clock);
  const masked: string[] = [];
  const ran: string[] = [];
  return {
    http: createHttp({ deadline, clock, env: {} }),
    clock,
    env,
    home: '/home/runner',
    sleep: deadline.sleep,
    mask: (secret) => void masked.push(secret),
    masked,
    programs: ran,
    async readFile(path, maxBytes) {
      const text = files[path];
      if (text === undefined) throw Object.assign(new Error('none'), { code: 'ENOENT' });
      return Buffer.from(text).subarray(0, maxBytes);
    },
    async run(command, args, options = {}) {
      const program = programs[command];
      if (program === undefined) throw new Error(`no ${command} here`);
      ran.push([command, ...args].join(' '));
      return {
        exitCode: 0,
        stdout: Buffer.alloc(0),
        stderr: '',
        ...program(args, options.env ?? {}),
      };
    },
  };
}

const normal = getCACertificates('default');

/**
 * Makes this process trust one more authority, as NODE_EXTRA_CA_CERTS does for a run, until what it
 * answers is called.
 */
export function trust(ca: string): () => void {
  setDefaultCACertificates([...normal, ca]);
  return () => setDefaultCACertificates(normal);
}

/** Signs some data by a reference; tells whether a verifier of images takes the signature. */
export async function signBy(reference: string, machine: TestTools) {
  const signer = await loadReferencedSigner(reference, machine);
  const data = randomBytes(1000);
  const { signature, key } = await signer.sign(data);
  const publicKey = await signer.publicKey();
  return {
    valid: publicKey !== undefined && verifies(publicKey, data, signature),
    publicKey,
    warnings: signer.warnings,
    signer,
    kind: key.$case,
  };
}

export { loadPublicKeys, loadReferencedSigner };
