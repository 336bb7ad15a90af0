import { envelopeToJSON } from '@sigstore/bundle';
import type { SignatureBundle, VerificationMaterial, Witness } from '@sigstore/sign';
import { Failure } from '../failure.ts';
import type { HttpResponse } from '../http/http.ts';
import { decodeBase64 } from '../text/base64.ts';
import {
  at,
  fromCount,
  fromHex,
  isSameVerifier,
  type LogEntry,
  readBody,
  readProof,
  readTestimony,
  sha256,
  type Testimony,
} from './log-entry.ts';
import {
  badAnswer,
  below,
  callService,
  jsonAnswer,
  refusalText,
  type ServiceEndpoint,
} from './service-call.ts';

const maxAnswer = 1024 * 1024;
const entriesPath = 'api/v1/log/entries';

/**
 * Records signatures in a Rekor v1 log: `dsse` 0.0.1 for an envelope, `hashedrekord` 0.0.1 for a
 * message signature (https://github.com/sigstore/rekor/tree/main/pkg/types). An entry that is there
 * already is fetched. The answered entry must be about this very signature and carry promise (SET),
 * inclusion proof and checkpoint; whether those verify is for the judge to say before a push.
 * `testify` throws {Failure} `rekor-error`, or `unsupported-key` for a key that such an entry
 * cannot hold.
 */
export function createRekor1(service: ServiceEndpoint): Witness {
  return {
    async testify(content: SignatureBundle, publicKey: string): Promise<VerificationMaterial> {
      const testimony = readTestimony(content, publicKey);
      const response = await callService(service, {
        method: 'POST',
        path: entriesPath,
        contentType: 'application/json',
        accept: 'application/json',
        body: Buffer.from(JSON.stringify(proposalFor(testimony))),
        maxBytes: maxAnswer,
      });
      const answer = response.status === 409 ? await fetchExisting(service, response) : response;
      if (answer.status !== 201 && answer.status !== 200) throw refused(service, answer);
      return { tlogEntries: [readEntry(service, answer, testimony)] };
    },
  };
}

function proposalFor({ content, digest, signature, verifier }: Testimony): object {
  if (content.$case === 'dsseEnvelope') {
    const envelope = JSON.stringify(envelopeToJSON(content.dsseEnvelope));
    const verifiers = [Buffer.from(verifier.pem).toString('base64')];
    return {
      apiVersion: '0.0.1',
      kind: 'dsse',
      spec: { proposedContent: { envelope, verifiers } },
    };
  }
  if (verifier.key.asymmetricKeyType === 'ed25519') {
    throw new Failure(
      'unsupported-key',
      'Rekor cannot record a legacy signature of an Ed25519 key: it sees the digest only, and Ed25519 signs the whole message.',
      'Use `format: bundle`, or a P-256 key.',
    );
  }
  return {
    apiVersion: '0.0.1',
    kind: 'hashedrekord',
    spec: {
      data: { hash: { algorithm: 'sha256', value: digest.toString('hex') } },
      signature: {
        content: signature.toString('base64'),
        publicKey: { content: Buffer.from(verifier.pem).toString('base64') },
      },
    },
  };
}

/**
 * 409 names the entry that exists, in practice our own of a try whose answer was lost. It may need
 * a moment to be readable.
 */
async function fetchExisting(
  service: ServiceEndpoint,
  conflict: HttpResponse,
): Promise<HttpResponse> {
  const path = pathOfExisting(service, conflict.headers.location);
  for (let pause = 250; ; pause *= 2) {
    const response = await callService(service, {
      method: 'GET',
      path,
      accept: 'application/json',
      maxBytes: maxAnswer,
    });
    if (response.status !== 404 || pause > 4000 || pause >= service.retryBudget()) return response;
    await service.clock.sleep(pause);
  }
}

/**
 * A Location on another host, or elsewhere on this one, would let the service send us anywhere:
 * only an entry of this log is fetched.
 */
function pathOfExisting(service: ServiceEndpoint, location: string | undefined): string {
  const entries = below(service.url, entriesPath);
  let target: URL | undefined;
  try {
    target = new URL(location ?? '', entries);
  } catch {
    throw badAnswer(
      service,
      'it says that the entry exists (409) at an address that cannot be read',
    );
  }
  const id = /\/api\/v1\/log\/entries\/([0-9a-f]{64,80})$/.exec(target.pathname)?.[1];
  if (location === undefined || target.origin !== entries.origin || id === undefined) {
    throw badAnswer(
      service,
      'it says that the entry exists (409) and does not name an entry of this log',
    );
  }
  return `${entriesPath}/${id}`;
}

function readEntry(
  service: ServiceEndpoint,
  response: HttpResponse,
  testimony: Testimony,
): LogEntry {
  const found = Object.values(jsonAnswer(service, response));
  if (found.length !== 1) throw badAnswer(service, `it holds ${found.length} entries, not one`);
  const raw = found[0];
  const canonicalizedBody = decodeBase64(at(raw, 'body'));
  const keyId = fromHex(at(raw, 'logID'));
  const logIndex = fromCount(at(raw, 'logIndex'));
  const integratedTime = fromCount(at(raw, 'integratedTime'));
  const signedEntryTimestamp = decodeBase64(at(raw, 'verification', 'signedEntryTimestamp'));
  const proof = at(raw, 'verification', 'inclusionProof');
  const inclusionProof = readProof(
    {
      logIndex: at(proof, 'logIndex'),
      treeSize: at(proof, 'treeSize'),
      rootHash: at(proof, 'rootHash'),
      hashes: at(proof, 'hashes'),
      checkpoint: at(proof, 'checkpoint'),
    },
    fromHex,
  );
  if (!canonicalizedBody || !keyId || !logIndex || !integratedTime)
    throw badAnswer(service, 'a field of the entry is missing or malformed');
  if (!signedEntryTimestamp) throw badAnswer(service, 'the entry has no signed promise (SET)');
  if (!inclusionProof)
    throw badAnswer(service, 'the entry has no inclusion proof with a checkpoint');
  const kindVersion = kindOf(testimony);
  if (!isAbout(canonicalizedBody, testimony, kindVersion))
    throw badAnswer(service, 'the entry is about another signature than ours');
  return {
    logIndex,
    logId: { keyId },
    kindVersion,
    integratedTime,
    inclusionPromise: { signedEntryTimestamp },
    inclusionProof,
    canonicalizedBody,
  };
}

function kindOf({ content }: Testimony): { kind: string; version: string } {
  return { kind: content.$case === 'dsseEnvelope' ? 'dsse' : 'hashedrekord', version: '0.0.1' };
}

function isAbout(
  bytes: Buffer,
  { content, digest, signature, verifier }: Testimony,
  { kind, version }: { kind: string; version: string },
): boolean {
  const body = readBody(bytes);
  if (at(body, 'kind') !== kind || at(body, 'apiVersion') !== version) return false;
  const spec = at(body, 'spec');
  if (content.$case === 'dsseEnvelope') {
    const signatures = at(spec, 'signatures');
    return (
      at(spec, 'payloadHash', 'algorithm') === 'sha256' &&
      at(spec, 'payloadHash', 'value') === sha256(content.dsseEnvelope.payload).toString('hex') &&
      Array.isArray(signatures) &&
      signatures.length === 1 &&
      at(signatures, 0, 'signature') === signature.toString('base64') &&
      isSameVerifier(at(signatures, 0, 'verifier'), verifier)
    );
  }
  return (
    at(spec, 'data', 'hash', 'algorithm') === 'sha256' &&
    at(spec, 'data', 'hash', 'value') === digest.toString('hex') &&
    at(spec, 'signature', 'content') === signature.toString('base64') &&
    isSameVerifier(at(spec, 'signature', 'publicKey', 'content'), verifier)
  );
}

function refused(service: ServiceEndpoint, response: HttpResponse): Failure {
  const said = refusalText(response);
  const message = `Rekor at ${service.url.origin} did not take the entry (${response.status}${said === '' ? '' : `: ${said}`}).`;
  if (said.includes('algorithms are not allowed')) {
    return new Failure(
      'unsupported-key',
      message,
      'Use a P-256 key, or `format: bundle`: this log does not take legacy signatures of such a key.',
    );
  }
  return new Failure(
    service.code,
    message,
    response.status === 404
      ? 'There is no Rekor v1 at this address: set `rekor-version: 2` if it is a Rekor v2, or correct `rekor-url:`.'
      : 'Check that the key is one that Rekor takes (P-256, or RSA of 2048 bits and more), and that `rekor-url:` is right.',
  );
}
