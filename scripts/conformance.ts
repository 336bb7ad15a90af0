// The bundle cases of the public sigstore-conformance suite against our own checks: `npm run
// conformance FOLDER`, where FOLDER is its test/assets/bundle-verify. The suite's clients sign and
// verify files; ours does images. So this takes the same checks in the same order as the judge,
// with a file in place of an image: what the signature is about is the file.
import { createHash, createPublicKey } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseBundle } from '../src/signature/bundle.ts';
import { SignedContent } from '../src/signature/content.ts';
import { materialOf } from '../src/signature/evidence.ts';
import type { Evidence } from '../src/signature/found.ts';
import type { SignaturePolicy } from '../src/signature/policy.ts';
import { Refusal } from '../src/signature/refusal.ts';
import { checkSigner } from '../src/signature/signer-rules.ts';
import { createTrust, parseTrustedRoot } from '../src/signature/trust.ts';
import { verifySigner } from '../src/signature/verified-signer.ts';

const beacon =
  'https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows';
const identity = `${beacon}/extremely-dangerous-oidc-beacon.yml@refs/heads/main`;
const issuer = 'https://token.actions.githubusercontent.com';
/** Cases that ask for a check of something that is never read here. */
const doesNotApply: Readonly<Record<string, string>> = {
  'message-digest-mismatch_fail':
    'the digest beside the signature of a file is a hint, and no signature of an image has one',
};

const [folder] = process.argv.slice(2);
if (folder === undefined)
  throw new Error(
    'Name the folder test/assets/bundle-verify of a checkout of sigstore-conformance.',
  );
const publicGood = publicGoodRoot();
const counts = { 'as expected': 0, 'does not apply': 0, OTHERWISE: 0 };
for (const name of readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
  entry.isDirectory() ? [entry.name] : [],
)) {
  const said = verdictOf(join(folder, name));
  const expected = (said === 'verified') === !name.endsWith('_fail');
  const reason = doesNotApply[name];
  const result = expected ? 'as expected' : reason === undefined ? 'OTHERWISE' : 'does not apply';
  counts[result]++;
  console.log(
    `${result.padEnd(14)} ${name.padEnd(66)} ${result === 'does not apply' ? reason : said}`,
  );
}
console.log(
  `\n${Object.entries(counts)
    .map(([result, count]) => `${count} ${result}`)
    .join(', ')}`,
);
process.exitCode = counts.OTHERWISE === 0 && counts['as expected'] > 0 ? 0 : 1;

/** The trusted root of the public-good instance, as @sigstore/tuf brings it. */
function publicGoodRoot(): Buffer {
  const seeds = JSON.parse(
    readFileSync(join(import.meta.dirname, '../node_modules/@sigstore/tuf/seeds.json'), 'utf8'),
  );
  return Buffer.from(
    seeds['https://tuf-repo-cdn.sigstore.dev'].targets['trusted_root.json'],
    'base64',
  );
}

/** `verified`, or code and sentence of the refusal. */
function verdictOf(path: string): string {
  const read = (file: string) => readFileSync(join(path, file));
  const has = (file: string) => existsSync(join(path, file));
  const text = (file: string, otherwise: string) =>
    has(file) ? read(file).toString().trim() : otherwise;
  try {
    const trust = createTrust(
      parseTrustedRoot(has('trusted_root.json') ? read('trusted_root.json') : publicGood),
    );
    const policy: SignaturePolicy = {
      signers: has('key.pub')
        ? [{ key: createPublicKey(read('key.pub')) }]
        : [
            {
              identities: [{ exact: text('identity', identity) }],
              issuers: [{ exact: text('issuer', issuer) }],
            },
          ],
      annotations: {},
      tlog: 'required',
    };
    const evidence = evidenceOf(
      read('bundle.sigstore.json'),
      has('artifact') ? read('artifact') : readFileSync(join(path, '../a.txt')),
    );
    const signer = verifySigner(evidence, policy, trust);
    if ('certificate' in signer) checkSigner(signer.certificate, policy.signers);
    return 'verified';
  } catch (caught) {
    return caught instanceof Refusal ? `${caught.code}: ${caught.message}` : String(caught);
  }
}

/** The bundle taken apart; what it signs must be the file, or a statement about it. */
function evidenceOf(bytes: Buffer, file: Buffer): Evidence {
  const bundle = parseBundle(bytes);
  const { content } = bundle;
  const sha256 = createHash('sha256').update(file).digest('hex');
  const evidence = { claim: { sha256, annotations: {} }, ...materialOf(bundle) };
  if (content.$case === 'messageSignature')
    return {
      ...evidence,
      content: new SignedContent(content.messageSignature.signature, file, file),
    };
  const { payload, payloadType, signatures } = content.dsseEnvelope;
  const [signature] = signatures;
  if (signature === undefined) throw new Refusal('malformed', 'There is no signature.');
  const { subject } = JSON.parse(payload.toString()) as {
    subject: { digest: { sha256?: string } }[];
  };
  if (!subject.some(({ digest }) => digest.sha256 === sha256))
    throw new Refusal('wrong-subject', 'It is about another file.');
  return { ...evidence, content: SignedContent.ofEnvelope(payloadType, payload, signature.sig) };
}
