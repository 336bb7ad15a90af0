import { newEcKey } from '../sandbox/sigstore/keys.ts';
import {
  type AttestationAttack,
  attest,
  commit,
  edited,
  hexOf,
  inRun,
  labelled,
  run,
  sbom,
  signed,
  slsa1,
  slsa02,
  spdx,
  spelled,
  stated,
  statementOf,
} from './attestation.ts';
import { base64, email, identity, issuerV1, issuerV2, minutes, sha256, uri } from './forge.ts';
import { type Json, stampedOnly } from './material.ts';

const stranger = {
  leaf: {
    names: [uri('https://github.com/evil/app/.github/workflows/release.yml@refs/heads/main')],
  },
};

/** The right signer says something else, or of something else. */
export const statementCases: readonly AttestationAttack[] = [
  stated('a signature in the place of an SBOM', 'no-attestation', (s) => {
    s.predicateType = 'https://sigstore.dev/cosign/sign/v1';
    s.predicate = {};
  }),
  stated('provenance in the place of an SBOM', 'no-attestation', (s) => (s.predicateType = slsa1)),
  stated('a type with more behind it', 'no-attestation', (s) => (s.predicateType += '/')),
  stated('a type with less', 'no-attestation', (s) => (s.predicateType = spdx.slice(0, -1))),
  stated('a type in another case', 'no-attestation', (s) => (s.predicateType = spdx.toLowerCase())),
  stated('a look-alike of the type', 'no-attestation', (s) => {
    s.predicateType = spdx.replace('o', '\u043e');
  }),
  stated('a type as a list', 'wrong-predicate', (s) => (s.predicateType = [spdx])),
  stated('no predicate type', 'wrong-predicate', (s) => delete s.predicateType),
  stated('no statement type', 'wrong-predicate', (s) => delete s._type),
  stated(
    'a statement of version 0.2',
    'wrong-predicate',
    (s) => (s._type = s._type.replace('v1', 'v0.2')),
  ),
  stated('a statement type with a slash behind it', 'wrong-predicate', (s) => (s._type += '/')),
  stated('a statement type as a list', 'wrong-predicate', (s) => (s._type = [s._type])),
  stated(
    'a v0.1 statement of another image',
    'wrong-subject',
    (s) => (s.subject[0].digest.sha256 = 'ab'.repeat(32)),
    {
      honest: { _type: 'https://in-toto.io/Statement/v0.1' },
    },
  ),
  stated(
    'two subjects, none of them ours',
    'wrong-subject',
    (s) => (s.subject = ['ab', 'cd'].map((part) => ({ digest: { sha256: part.repeat(32) } }))),
  ),
  stated('our digest as the name of another image', 'wrong-subject', (s) => {
    s.subject = [{ name: s.subject[0].digest.sha256, digest: { sha256: 'ab'.repeat(32) } }];
  }),
  stated('our digest under another algorithm', 'wrong-subject', (s) => {
    s.subject[0].digest = { sha512: s.subject[0].digest.sha256 };
  }),
  stated('our digest under SHA256 in capitals', 'wrong-subject', (s) => {
    s.subject[0].digest = { SHA256: s.subject[0].digest.sha256 };
  }),
  stated(
    'our digest in capitals',
    'wrong-subject',
    (s) => (s.subject[0].digest.sha256 = s.subject[0].digest.sha256.toUpperCase()),
  ),
  stated(
    'our digest with a space behind it',
    'wrong-subject',
    (s) => (s.subject[0].digest.sha256 += ' '),
  ),
  stated(
    'our digest with its algorithm in front',
    'wrong-subject',
    (s) => (s.subject[0].digest.sha256 = `sha256:${s.subject[0].digest.sha256}`),
  ),
  stated('no subject', 'wrong-subject', (s) => (s.subject = [])),
  stated('a subject as an object', 'wrong-subject', (s) => (s.subject = s.subject[0])),
  stated('a digest as a number', 'malformed', (s) => (s.subject[0].digest.sha256 = 7)),
  stated(
    'a subject named by digest alone',
    'malformed',
    (s) => (s.subject = [s.subject[0].digest.sha256]),
  ),
  stated('five thousand subjects, the last ours', 'too-large', (s) => {
    s.subject = [...Array(5000).fill({ digest: { sha256: 'ab'.repeat(32) } }), ...s.subject];
  }),
  stated('a subject in another case, which Go reads', 'malformed', (s, { store }) => {
    s.Subject = [{ digest: { sha256: hexOf(store.image) } }];
  }),
  stated(
    'a field of a subject in another case',
    'malformed',
    (s) => (s.subject[0].Digest = { sha256: 'ab' }),
  ),
  spelled('a subject twice', 'malformed', (text) =>
    text.replace('"subject":', '"subject":[],"subject":'),
  ),
  spelled('a subject twice, once in escapes', 'malformed', (text) =>
    text.replace('"subject":', '"\\u0073ubject":[],"subject":'),
  ),
  spelled('a predicate type twice', 'malformed', (text) =>
    text.replace('"predicateType":', `"predicateType":"${slsa1}","predicateType":`),
  ),
  spelled('a digest twice in a subject', 'malformed', (text) =>
    text.replace('"sha256":', `"sha256":"${'ab'.repeat(32)}","sha256":`),
  ),
  spelled('a byte order mark', 'malformed', (text) => `\ufeff${text}`),
  spelled('something behind the statement', 'malformed', (text) => `${text}{}`),
  spelled('a statement in UTF-16', 'malformed', (text) => Buffer.from(text, 'utf16le')),
  spelled('an empty payload', 'malformed', () => ''),
  spelled('a list of statements', 'malformed', (text) => `[${text}]`),
];

/** What a predicate may not be, though the right signer has signed it. */
export const predicateCases: readonly AttestationAttack[] = [
  stated('no predicate', 'malformed', (s) => delete s.predicate),
  stated('null as a predicate', 'malformed', (s) => (s.predicate = null)),
  stated('a list as a predicate', 'malformed', (s) => (s.predicate = [s.predicate])),
  spelled('a key twice in the predicate', 'malformed', (text) =>
    text.replace('"spdxVersion":', '"spdxVersion":"SPDX-3.0","spdxVersion":'),
  ),
  spelled('a predicate twice', 'malformed', (text) =>
    text.replace('"predicate":', '"predicate":{},"predicate":'),
  ),
  spelled('a predicate a thousand levels deep', 'malformed', (text) =>
    text.replace('"packages":', `"a":${'['.repeat(1000)}${']'.repeat(1000)},"packages":`),
  ),
  spelled('a predicate of a million lists', 'malformed', (text) =>
    text.replace('"packages":', `"a":[${'[],'.repeat(1_000_001)}[]],"packages":`),
  ),
  spelled('half a surrogate pair in the predicate', 'malformed', (text) =>
    text.replace('"musl"', '"\\ud800"'),
  ),
  spelled('NaN in the predicate', 'malformed', (text) => text.replace('"1.2"', 'NaN')),
  stated('17 MiB of predicate', 'too-large', (s) => (s.predicate = { text: 'a'.repeat(17 << 20) })),
];

/** Envelope, signature, log, time and certificate are held to what a signature is held to. */
export const proofCases: readonly AttestationAttack[] = [
  edited('the predicate swapped under a valid envelope', 'bad-signature', (bundle, { store }) => {
    const other = statementOf(store.image, {
      predicate: { spdxVersion: 'SPDX-2.3', packages: [] },
    });
    bundle.dsseEnvelope.payload = base64(JSON.stringify(other));
  }),
  edited('the subject swapped under a valid envelope', 'bad-signature', (bundle, { store }) => {
    bundle.dsseEnvelope.payload = base64(
      JSON.stringify(
        statementOf(store.image, {
          subject: [
            { digest: { sha256: hexOf(store.image) } },
            { digest: { sha256: 'ab'.repeat(32) } },
          ],
        }),
      ),
    );
  }),
  signed('another payload type, signed', 'wrong-predicate', () => ({
    payloadType: 'application/json',
  })),
  signed('a payload type with a parameter, signed', 'wrong-predicate', () => ({
    payloadType: 'application/vnd.in-toto+json; v=1',
  })),
  signed('the bare payload signed, without PAE', 'bad-signature', () => ({
    signedBytes: (_type, payload) => payload,
  })),
  edited('a stranger\u2019s signature in front', 'malformed', ({ dsseEnvelope }) =>
    dsseEnvelope.signatures.unshift({ sig: 'AAAA' }),
  ),
  edited('no signature', 'malformed', ({ dsseEnvelope }) => (dsseEnvelope.signatures = [])),
  edited(
    'the statement\u2019s digest signed as a message, no statement',
    'wrong-predicate',
    (bundle) => {
      const { payload, signatures } = bundle.dsseEnvelope;
      const digest = base64(sha256(Buffer.from(payload, 'base64')));
      bundle.messageSignature = {
        messageDigest: { algorithm: 'SHA2_256', digest },
        signature: signatures[0].sig,
      };
      delete bundle.dsseEnvelope;
    },
  ),
  signed('a stranger\u2019s attestation', 'wrong-identity', () => stranger),
  signed('an attestation by a person of that name', 'wrong-identity', () => ({
    leaf: { names: [email('release@acme.test')] },
  })),
  signed('the right name of another issuer', 'wrong-issuer', () => ({
    leaf: { issuer: [issuerV1('https://issuer.evil.test'), issuerV2('https://issuer.evil.test')] },
  })),
  signed('an attestation with a key where an identity is asked for', 'wrong-identity', () => ({
    key: newEcKey(),
  })),
  (() => {
    const key = newEcKey();
    return signed(
      'an attestation with another key',
      'wrong-key',
      () => ({ key: newEcKey() }),
      { key },
      { policy: () => ({ signers: [{ key }] }) },
    );
  })(),
  signed(
    'a certificate that its authority has not signed',
    'untrusted-certificate',
    ({ forge }) => ({
      leaf: { by: { ...forge.intermediate, key: newEcKey() } },
    }),
  ),
  signed('a certificate without promise of the log', 'untrusted-certificate', () => ({
    leaf: { promise: 'none' },
  })),
  signed('an attestation after its certificate had run out', 'untrusted-certificate', () => ({
    at: minutes(30),
  })),
  signed('no log entry', 'no-log-entry', () => stampedOnly),
  signed(
    'nothing that proves the time',
    'no-timestamp',
    () => ({ timestamp: undefined }),
    stampedOnly,
    {
      policy: () => ({ tlog: 'ignore' }),
    },
  ),
  edited('a log entry of another envelope', 'bad-log-entry', (bundle, scene) => {
    const other = attest(scene, statementOf(scene.store.image, { predicate: {} }));
    bundle.verificationMaterial.tlogEntries = other.verificationMaterial.tlogEntries;
  }),
  edited(
    'the log entry of the signature of this image',
    'bad-log-entry',
    (bundle, { bundle: sign }) => {
      bundle.verificationMaterial.tlogEntries = sign().verificationMaterial.tlogEntries;
    },
  ),
  signed('a log entry that names another payload', 'bad-log-entry', () => ({
    body: (body) => {
      body.spec.payloadHash.value = 'ab'.repeat(32);
      return body;
    },
  })),
  edited('a promise of the log with a bit turned', 'bad-log-entry', ({ verificationMaterial }) => {
    const { inclusionPromise } = verificationMaterial.tlogEntries[0];
    const bytes = Buffer.from(inclusionPromise.signedEntryTimestamp, 'base64');
    bytes.writeUInt8((bytes.at(-1) ?? 0) ^ 1, bytes.length - 1);
    inclusionPromise.signedEntryTimestamp = base64(bytes);
  }),
];

/** Whose attestation it is, and what else lies there. */
export const beside: readonly AttestationAttack[] = [
  {
    name: 'an attestation copied from another image, its manifest readdressed',
    code: 'wrong-subject',
    lay: (scene, evil) => {
      const image = evil ? scene.store.newImage('other') : scene.store.image;
      scene.store.bundle(attest(scene, statementOf(image)), labelled(spdx));
    },
  },
  {
    name: 'an attestation copied from another image, its manifest as it was',
    code: 'no-attestation',
    lay: (scene, evil) => {
      const other = scene.store.newImage('other');
      const image = evil ? other : scene.store.image;
      scene.store.bundle(attest(scene, statementOf(image)), (manifest) => {
        if (evil) manifest.subject.digest = other.digest;
      });
    },
  },
  {
    name: 'a manifest that says SBOM of a bundle with provenance',
    code: 'no-attestation',
    lay: (scene, evil) => {
      const statement = statementOf(scene.store.image, evil ? { predicateType: slsa1 } : {});
      scene.store.bundle(attest(scene, statement), labelled(spdx));
    },
  },
  {
    name: 'an attestation in the place of the signature',
    code: 'wrong-predicate',
    signature: 'required',
    lay: (scene, evil) => {
      scene.store.bundle(attest(scene, statementOf(scene.store.image)), labelled(spdx));
      scene.store.bundle(evil ? attest(scene, statementOf(scene.store.image)) : scene.bundle());
    },
  },
  {
    name: 'a signature in the place of the attestation',
    code: 'no-attestation',
    signature: 'required',
    lay: (scene, evil) => {
      scene.store.bundle(scene.bundle());
      scene.store.bundle(evil ? scene.bundle() : attest(scene, statementOf(scene.store.image)));
    },
  },
  {
    name: 'a stranger\u2019s signature beside the right attestation',
    code: 'wrong-identity',
    signature: 'required',
    lay: (scene, evil) => {
      scene.store.bundle(attest(scene, statementOf(scene.store.image)));
      scene.store.bundle(scene.bundle(evil ? stranger : {}));
    },
  },
  {
    name: 'one of two types',
    code: 'no-attestation',
    types: [spdx, 'https://openvex.dev/ns'],
    lay: (scene, evil) => {
      scene.store.bundle(attest(scene, statementOf(scene.store.image)));
      const other = { predicateType: evil ? slsa1 : 'https://openvex.dev/ns', predicate: {} };
      scene.store.bundle(attest(scene, statementOf(scene.store.image, other)));
    },
  },
  {
    name: 'one of two types by a stranger',
    code: 'wrong-identity',
    types: [spdx, 'https://openvex.dev/ns'],
    lay: (scene, evil) => {
      scene.store.bundle(attest(scene, statementOf(scene.store.image)));
      const other = { predicateType: 'https://openvex.dev/ns', predicate: {} };
      const wish = evil ? stranger : {};
      scene.store.bundle(attest(scene, statementOf(scene.store.image, other), wish));
    },
  },
  {
    name: 'one attestation that claims to be of two types',
    code: 'no-attestation',
    types: [spdx, 'https://openvex.dev/ns'],
    lay: (scene, evil) => {
      const of = (predicateType: string) =>
        scene.store.bundle(attest(scene, statementOf(scene.store.image, { predicateType })));
      of(spdx);
      of(evil ? `${spdx},https://openvex.dev/ns` : 'https://openvex.dev/ns');
    },
  },
  {
    name: 'a hundred hostile ones before the good one',
    code: 'verified',
    passes: true,
    lay: (scene, evil) => {
      for (let n = 0; evil && n < 100; n++) {
        const statement = statementOf(scene.store.image, { predicate: { n } });
        const bundle = attest(scene, statement, { log: 'none', key: newEcKey() });
        if (n % 2 === 0) bundle.dsseEnvelope.payload = base64(`{"n":${n}}`);
        scene.store.bundle(bundle, labelled(spdx));
      }
      scene.store.bundle(attest(scene, statementOf(scene.store.image)), labelled(spdx));
    },
  },
  {
    name: 'a good one larger than any signature, beside a large one of another type',
    code: 'verified',
    passes: true,
    lay: (scene, evil) => {
      const large = { ...sbom, text: 'a'.repeat(400_000) };
      scene.store.bundle(
        attest(scene, statementOf(scene.store.image, { predicate: large })),
        labelled(spdx),
      );
      if (!evil) return;
      const other = { predicate: large, predicateType: slsa02 };
      scene.store.bundle(attest(scene, statementOf(scene.store.image, other)), labelled(slsa02));
    },
  },
  {
    name: 'a large one that says to be larger than it may be',
    code: 'too-large',
    lay: (scene, evil) => {
      const bundle = attest(scene, statementOf(scene.store.image));
      scene.store.bundle(bundle, (manifest) => {
        if (evil) manifest.layers[0].size = 26 << 20;
      });
    },
  },
  {
    name: 'a large one with other bytes than its digest says',
    code: 'registry-error',
    lay: (scene, evil) => {
      const predicate = { ...sbom, text: 'a'.repeat(400_000) };
      const bundle = JSON.stringify(attest(scene, statementOf(scene.store.image, { predicate })));
      scene.store.bundle(bundle, (manifest) => {
        labelled(spdx)(manifest);
        if (evil) scene.store.swap(manifest.layers[0].digest, `${bundle.slice(0, -1)} `);
      });
    },
  },
];

const provenance1 = (more: Json = {}): Json => ({
  buildDefinition: {
    buildType: 'https://actions.github.io/buildtypes/workflow/v1',
    externalParameters: {
      workflow: {
        repository: 'https://github.com/acme/app',
        ref: 'refs/heads/main',
        path: '.github/workflows/release.yml',
      },
    },
    resolvedDependencies: [
      { uri: 'git+https://github.com/acme/app@refs/heads/main', digest: { gitCommit: commit } },
    ],
  },
  runDetails: { builder: { id: identity }, ...more },
});
const buildkit1 = {
  buildDefinition: {
    buildType: 'https://github.com/moby/buildkit/blob/master/docs/attestations/slsa-definitions.md',
    externalParameters: {
      configSource: {
        uri: 'https://github.com/acme/app.git#refs/heads/main',
        digest: { sha1: commit },
        path: 'Dockerfile',
      },
    },
  },
  runDetails: { builder: { id: run } },
};
const provenance02 = {
  builder: { id: run },
  buildType: 'https://mobyproject.org/buildkit@v1',
  invocation: {
    configSource: {
      uri: 'https://github.com/acme/app.git#refs/heads/main',
      digest: { sha1: commit },
      entryPoint: 'Dockerfile',
    },
  },
};

function provenance(
  name: string,
  code: AttestationAttack['code'],
  edit: (predicate: Json) => unknown,
  predicate: Json = provenance1(),
  predicateType = slsa1,
): AttestationAttack {
  return stated(name, code, (s) => edit(s.predicate), {
    honest: { predicateType, predicate },
    wish: inRun,
    types: [predicateType],
  });
}

/** The right workflow says that another one has built, or from other sources. */
export const provenanceCases: readonly AttestationAttack[] = [
  provenance('a builder that the certificate does not name', 'wrong-claim', (p) => {
    p.runDetails.builder.id =
      'https://github.com/slsa-framework/slsa-github-generator/.github/workflows/generator_container_slsa3.yml@refs/tags/v2.0.0';
  }),
  provenance(
    'a builder elsewhere',
    'wrong-claim',
    (p) => (p.runDetails.builder.id = 'https://cloudbuild.googleapis.com/GoogleHostedWorker'),
  ),
  provenance(
    'a builder with more behind it',
    'wrong-claim',
    (p) => (p.runDetails.builder.id += '#2'),
  ),
  provenance(
    'a runner of another kind',
    'wrong-claim',
    (p) => (p.runDetails.builder.id = 'https://github.com/actions/runner/self-hosted'),
    provenance1({ builder: { id: 'https://github.com/actions/runner/github-hosted' } }),
  ),
  provenance('a builder as a list', 'malformed', (p) => (p.runDetails.builder.id = [identity])),
  provenance(
    'sources of another repository',
    'wrong-claim',
    (p) =>
      (p.buildDefinition.externalParameters.workflow.repository = 'https://github.com/acme/other'),
  ),
  provenance(
    'sources on another server',
    'wrong-claim',
    (p) =>
      (p.buildDefinition.externalParameters.workflow.repository =
        'https://github.com.evil.test/acme/app'),
  ),
  provenance(
    'sources of another ref',
    'wrong-claim',
    (p) => (p.buildDefinition.externalParameters.workflow.ref = 'refs/heads/evil'),
  ),
  provenance(
    'sources of another commit',
    'wrong-claim',
    (p) => (p.buildDefinition.resolvedDependencies[0].digest.gitCommit = 'cd'.repeat(20)),
  ),
  provenance(
    'another run of the same repository',
    'wrong-claim',
    (p) => (p.runDetails.builder.id = run.replace('/7/', '/8/')),
    buildkit1,
  ),
  provenance(
    'BuildKit\u2019s sources of another repository',
    'wrong-claim',
    (p) =>
      (p.buildDefinition.externalParameters.configSource.uri =
        'https://github.com/acme/other.git#refs/heads/main'),
    buildkit1,
  ),
  provenance(
    'BuildKit\u2019s sources of another commit',
    'wrong-claim',
    (p) => (p.buildDefinition.externalParameters.configSource.digest.sha1 = 'cd'.repeat(20)),
    buildkit1,
  ),
  provenance(
    'an older builder that the certificate does not name',
    'wrong-claim',
    (p) => (p.builder.id = run.replace('acme', 'evil')),
    provenance02,
    slsa02,
  ),
  provenance(
    'older sources of another ref',
    'wrong-claim',
    (p) => (p.invocation.configSource.uri = 'https://github.com/acme/app.git#refs/heads/evil'),
    provenance02,
    slsa02,
  ),
];
