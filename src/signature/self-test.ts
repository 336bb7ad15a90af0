import { createPublicKey } from 'node:crypto';
import { Failure } from '../failure.ts';
import type { Digest } from '../image/digest.ts';
import { judge } from './judge.ts';
import type { SignaturePolicy } from './policy.ts';
import type { Trust } from './trust.ts';
import type { VerdictCode } from './verdict.ts';

/**
 * A recorded signature whose verdict is known: a case of `__tests__/fixtures`, made by cosign 3.
 */
interface Known {
  /** the image that it signs */
  readonly image: string;
  readonly bundle: {
    readonly dsseEnvelope: { readonly signatures: readonly { readonly sig: string }[] };
  };
}

const tests = { key: byKey, certificate: byCertificate };
const runs = new Map<Kind, Promise<void>>();

/**
 * What signatures are judged by: a key alone, or all that a trusted root is for (certificate, SCT,
 * log, timestamp).
 */
export type Kind = keyof typeof tests;

/**
 * Judges a signature whose verdict is known, and the same one with a bit of the signature changed,
 * before any other of its kind is judged: what cryptographic modules call a known-answer test. Once
 * a process. It stops a gate in a job whose settings make Node say yes to every signature, and
 * tells one whose Node says no that the images are not to blame. Of certificate, SCT, log and
 * timestamp it only sees the yes.
 *
 * Run it while signatures are on their way. V8 compiles a function when it is first called: the
 * first judgement by a certificate takes 10 ms, the next 3. So the long one is where nobody waits.
 * @throws {Failure} `self-test-failed`
 */
export async function selfTest(kind: Kind): Promise<void> {
  const run =
    runs.get(kind) ?? tests[kind]().catch((caught: unknown) => Promise.reject(cannotJudge(caught)));
  runs.set(kind, run);
  await run;
}

async function byKey(): Promise<void> {
  const { default: known } = await import('./known-by-key.json', { with: { type: 'json' } });
  const policy = {
    signers: [{ key: createPublicKey(known.key) }],
    annotations: {},
    tlog: 'ignore',
  } as const;
  expectBoth(known, policy, { material: undefined });
}

async function byCertificate(): Promise<void> {
  const [{ default: known }, { createTrust, parseTrustedRoot }] = await Promise.all([
    import('./known-by-certificate.json', { with: { type: 'json' } }),
    import('./trust.ts'),
  ]);
  const signer = { identities: [{ exact: known.identity }], issuers: [{ exact: known.issuer }] };
  const policy = {
    signers: [signer],
    annotations: {},
    tlog: 'required',
    timestamp: 'required',
  } as const;
  expectBoth(
    known,
    policy,
    createTrust(parseTrustedRoot(Buffer.from(JSON.stringify(known.trustedRoot)))),
  );
}

function expectBoth(known: Known, policy: SignaturePolicy, trust: Trust): void {
  const image = known.image as Digest;
  const expect = (code: VerdictCode, bundle: Known['bundle']) => {
    const found = {
      format: 'bundle' as const,
      digest: image,
      reference: 'a known signature',
      bundle: Buffer.from(JSON.stringify(bundle)),
    };
    const verdict = judge(found, image, policy, trust);
    if (verdict.code !== code)
      throw new Error(`it judges a known signature as "${verdict.code}", and "${code}" is right`, {
        cause: verdict,
      });
  };
  expect('verified', known.bundle);
  expect('bad-signature', altered(known.bundle));
}

/** With the last bit of the signature turned round: still a signature in DER, and of nothing. */
function altered(bundle: Known['bundle']): Known['bundle'] {
  const signatures = bundle.dsseEnvelope.signatures.map(({ sig }) => {
    const bytes = Buffer.from(sig, 'base64');
    bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1);
    return { sig: bytes.toString('base64') };
  });
  return { ...bundle, dsseEnvelope: { ...bundle.dsseEnvelope, signatures } };
}

function cannotJudge(cause: unknown): Failure {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new Failure(
    'self-test-failed',
    `This machine cannot judge signatures: ${why} (Node ${process.version}, OpenSSL ${process.versions.openssl}). No image was judged.`,
    'Something in the job or on the runner changes how Node does cryptography. Take such settings from this step:\n```yaml\nenv:\n  NODE_OPTIONS: ""\n  OPENSSL_CONF: ""\n```',
    { cause },
  );
}
