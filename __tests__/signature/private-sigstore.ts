import {
  createHash,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from 'node:crypto';
import { json as canonical, crypto, pem } from '@sigstore/core';
import type { Witness } from '@sigstore/sign';
import type { ImageSigner } from '../../src/signature/signer.ts';
import { createTrust, parseTrustedRoot, type Trust } from '../../src/signature/trust.ts';
import {
  bits,
  commonName,
  der,
  integer,
  octets,
  oid,
  sequence,
  truth,
  utcTime,
  utf8,
} from './der.ts';
import { timestampResponse } from './timestamp-response.ts';

const sha256 = (...parts: readonly Uint8Array[]): Buffer =>
  crypto.digest('sha256', ...parts.map((part) => Buffer.from(part)));
const spkiOf = (key: KeyObject): Buffer =>
  createPublicKey(key).export({ type: 'spki', format: 'der' });
const newKey = (): KeyObject => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
const ecdsaSha256 = sequence(oid('1.2.840.10045.4.3.2'));

/** An X.509 extension. */
export const extension = (id: string, value: Uint8Array, critical = false): Buffer =>
  critical ? sequence(oid(id), truth(true), octets(value)) : sequence(oid(id), octets(value));

/** What a leaf certificate is made of; each part can be replaced to make a bad one. */
export interface Leaf {
  names?: readonly Buffer[];
  issuer?: string;
  usage?: Buffer;
  purposes?: readonly string[];
  more?: readonly Buffer[];
  sct?: 'right' | 'none' | 'of another log';
  issuedBy?: KeyObject;
  notBefore?: Date;
  notAfter?: Date;
}

export const uri = (text: string): Buffer => der(0x86, Buffer.from(text, 'latin1'));
export const email = (text: string): Buffer => der(0x81, Buffer.from(text, 'latin1'));
export const username = (text: string): Buffer =>
  der(0xa0, oid('1.3.6.1.4.1.57264.1.7'), der(0xa0, utf8(text)));
export const identity = 'https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main';
export const issuer = 'https://token.actions.githubusercontent.com';
const hour = 3_600_000;

/**
 * A CA, a CT log, a Rekor v1 and a timestamp authority in memory: enough of a Sigstore to make
 * certificates that no real one would issue.
 */
export class PrivateSigstore {
  readonly time = new Date('2026-11-20T12:00:00Z');
  readonly #ca = newKey();
  readonly #ctlog = newKey();
  readonly #rekor = newKey();
  readonly #root = this.#certificate(
    this.#ca,
    'test root',
    this.#ca,
    new Date(0),
    new Date('2049-01-01T00:00:00Z'),
    [
      extension('2.5.29.19', sequence(truth(true)), true),
      extension('2.5.29.15', der(0x03, Buffer.from([1, 0b0000_0110])), true),
    ],
  );
  readonly #tsa = newKey();
  readonly #tsaCertificate = this.#certificate(
    this.#tsa,
    'tsa',
    this.#ca,
    new Date(0),
    new Date('2049-01-01T00:00:00Z'),
    [extension('2.5.29.37', sequence(oid('1.3.6.1.5.5.7.3.8')), true)],
  );
  readonly trust: Trust = createTrust(
    parseTrustedRoot(Buffer.from(JSON.stringify(this.trustedRoot()))),
  );

  /** The TrustedRoot JSON. */
  trustedRoot() {
    const log = (key: KeyObject, baseUrl: string) => ({
      baseUrl,
      hashAlgorithm: 'SHA2_256',
      publicKey: {
        rawBytes: spkiOf(key).toString('base64'),
        keyDetails: 'PKIX_ECDSA_P256_SHA_256',
        validFor: { start: '2020-01-01T00:00:00Z' },
      },
      logId: { keyId: sha256(spkiOf(key)).toString('base64') },
    });
    return {
      mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
      tlogs: [log(this.#rekor, 'https://rekor.test')],
      certificateAuthorities: [
        {
          uri: 'https://fulcio.test',
          certChain: { certificates: [{ rawBytes: this.#root.toString('base64') }] },
          validFor: { start: '2020-01-01T00:00:00Z' },
        },
      ],
      ctlogs: [log(this.#ctlog, 'https://ct.test')],
      timestampAuthorities: [
        {
          uri: 'https://tsa.test',
          certChain: {
            certificates: [this.#tsaCertificate, this.#root].map((der) => ({
              rawBytes: der.toString('base64'),
            })),
          },
          validFor: { start: '2020-01-01T00:00:00Z' },
        },
      ],
    };
  }

  /** A signer with a fresh certificate. */
  issue(leaf: Leaf = {}): ImageSigner {
    const key = newKey();
    const certificate = pem.fromDER(this.#leaf(key, leaf));
    return {
      sign: async (data) => ({
        signature: sign('sha256', data, key),
        key: { $case: 'x509Certificate', certificate },
      }),
      identity: async () => ({ identity, issuer }),
      publicKey: async () => undefined,
      chain: async () => [pem.fromDER(this.#root)],
      warnings: [],
    };
  }

  /**
   * A log like Rekor v1, with entries of kind dsse 0.0.1 and hashedrekord 0.0.1. `made` replaces
   * the key or certificate it records.
   */
  rekor(made?: string): Witness {
    return {
      testify: async (content, publicKey) => {
        const verifier = Buffer.from(made ?? publicKey).toString('base64');
        const body = Buffer.from(canonical.canonicalize(bodyOf(content, verifier)));
        const { kind, apiVersion } = JSON.parse(body.toString());
        const logId = sha256(spkiOf(this.#rekor));
        const integratedTime = this.time.getTime() / 1000;
        const payload = {
          body: body.toString('base64'),
          integratedTime,
          logIndex: 1000,
          logID: logId.toString('hex'),
        };
        const root = sha256(Buffer.from([0]), body);
        const note = `rekor.test\n1\n${root.toString('base64')}\n`;
        const noteSignature = Buffer.concat([
          logId.subarray(0, 4),
          sign('sha256', Buffer.from(note), this.#rekor),
        ]);
        const checkpoint = {
          envelope: `${note}\n\u2014 rekor.test ${noteSignature.toString('base64')}\n`,
        };
        return {
          tlogEntries: [
            {
              logIndex: '1000',
              logId: { keyId: logId },
              kindVersion: { kind, version: apiVersion },
              integratedTime: String(integratedTime),
              inclusionPromise: {
                signedEntryTimestamp: sign(
                  'sha256',
                  Buffer.from(canonical.canonicalize(payload)),
                  this.#rekor,
                ),
              },
              inclusionProof: {
                logIndex: '0',
                treeSize: '1',
                rootHash: root,
                hashes: [],
                checkpoint,
              },
              canonicalizedBody: body,
            },
          ],
        };
      },
    };
  }

  /** A timestamp authority that says it is this time (a GeneralizedTime, right or wrong). */
  timestampAuthority(time: string, status = 0): Witness {
    const stamper = { key: this.#tsa, issuer: 'test root', serial: 77 };
    return {
      testify: async (content) => {
        const signature =
          content.$case === 'messageSignature'
            ? content.messageSignature.signature
            : content.dsseEnvelope.signatures[0]?.sig;
        return {
          rfc3161Timestamps: [
            {
              signedTimestamp: timestampResponse(
                signature ?? Buffer.alloc(0),
                time,
                stamper,
                status,
              ),
            },
          ],
        };
      },
    };
  }

  #leaf(key: KeyObject, leaf: Leaf): Buffer {
    const extensions = [
      extension('2.5.29.15', leaf.usage ?? der(0x03, Buffer.from([7, 0b1000_0000])), true),
      extension('2.5.29.37', sequence(...(leaf.purposes ?? ['1.3.6.1.5.5.7.3.3']).map(oid))),
      extension('2.5.29.17', sequence(...(leaf.names ?? [uri(identity)])), true),
      extension('1.3.6.1.4.1.57264.1.8', utf8(leaf.issuer ?? issuer)),
      ...(leaf.more ?? []),
    ];
    const {
      notBefore = new Date(this.time.getTime() - hour),
      notAfter = new Date(this.time.getTime() + hour),
    } = leaf;
    const signer = leaf.issuedBy ?? this.#ca;
    if (leaf.sct !== 'none') {
      const poisonless = this.#tbs(key, 'leaf', notBefore, notAfter, extensions);
      const log = leaf.sct === 'of another log' ? newKey() : this.#ctlog;
      extensions.push(extension('1.3.6.1.4.1.11129.2.4.2', octets(this.#sct(poisonless, log))));
    }
    return this.#certificate(key, 'leaf', signer, notBefore, notAfter, extensions);
  }

  #sct(tbs: Buffer, log: KeyObject): Buffer {
    const uint = (value: number, size: number) =>
      Buffer.from(value.toString(16).padStart(size * 2, '0'), 'hex');
    const time = uint(this.time.getTime(), 8);
    const entry = [sha256(spkiOf(this.#ca)), uint(tbs.length, 3), tbs, uint(0, 2)];
    const signature = sign('sha256', Buffer.concat([uint(0, 2), time, uint(1, 2), ...entry]), log);
    const head = [uint(0, 1), sha256(spkiOf(this.#ctlog)), time, uint(0, 2), Buffer.from([4, 3])];
    const sct = Buffer.concat([...head, uint(signature.length, 2), signature]);
    return Buffer.concat([uint(sct.length + 2, 2), uint(sct.length, 2), sct]);
  }

  #certificate(
    key: KeyObject,
    name: string,
    by: KeyObject,
    start: Date,
    end: Date,
    extensions: readonly Buffer[],
  ): Buffer {
    const tbs = this.#tbs(key, name, start, end, extensions);
    return sequence(tbs, ecdsaSha256, bits(sign('sha256', tbs, by)));
  }

  #tbs(
    key: KeyObject,
    name: string,
    start: Date,
    end: Date,
    extensions: readonly Buffer[],
  ): Buffer {
    const validity = sequence(utcTime(start), utcTime(end));
    return sequence(
      der(0xa0, integer(2)),
      integer(77),
      ecdsaSha256,
      commonName('test root'),
      validity,
      commonName(name),
      spkiOf(key),
      der(0xa3, sequence(...extensions)),
    );
  }
}

function bodyOf(content: Parameters<Witness['testify']>[0], verifier: string): object {
  if (content.$case === 'messageSignature') {
    const { messageDigest, signature } = content.messageSignature;
    const hash = { algorithm: 'sha256', value: messageDigest.digest.toString('hex') };
    const made = { content: signature.toString('base64'), publicKey: { content: verifier } };
    return { apiVersion: '0.0.1', kind: 'hashedrekord', spec: { data: { hash }, signature: made } };
  }
  const { payload, signatures } = content.dsseEnvelope;
  const hash = (bytes: Buffer) => ({
    algorithm: 'sha256',
    value: createHash('sha256').update(bytes).digest('hex'),
  });
  const made = signatures.map(({ sig }) => ({ signature: sig.toString('base64'), verifier }));
  return {
    apiVersion: '0.0.1',
    kind: 'dsse',
    spec: { envelopeHash: hash(payload), payloadHash: hash(payload), signatures: made },
  };
}
