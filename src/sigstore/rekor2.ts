import type { KeyObject } from 'node:crypto';
import type { SignatureBundle, VerificationMaterial, Witness } from '@sigstore/sign';
import { Failure } from '../failure.ts';
import type { HttpResponse } from '../http/http.ts';
import { decodeBase64 } from '../text/base64.ts';
import {
  at,
  fromCount,
  type LogEntry,
  readBody,
  readProof,
  readTestimony,
  type Testimony,
} from './log-entry.ts';
import { fetchLogged, type ReadableLog } from './rekor2-tiles.ts';
import {
  badAnswer,
  callService,
  jsonAnswer,
  refusalText,
  type ServiceEndpoint,
} from './service-call.ts';

const maxAnswer = 1024 * 1024;

/**
 * The log answers when the entry is in a signed checkpoint, which can take 20 seconds even when all
 * is well (milliseconds for one try).
 */
const timeToIntegrate = 30_000;

/**
 * Records signatures in a Rekor v2 log, which knows one kind of entry: `hashedrekord` 0.0.2. For an
 * envelope the digest is that of the DSSE PAE
 * (https://github.com/sigstore/rekor-tiles/blob/main/CLIENTS.md). The answered entry must be about
 * this very signature and carry inclusion proof and checkpoint; whether those verify is for the
 * judge to say before a push. There is no time in it. `testify` throws {Failure} `rekor-error`, or
 * `unsupported-key` for a key that such an entry cannot hold.
 */
export function createRekor2(service: ReadableLog): Witness {
  return {
    async testify(content: SignatureBundle, publicKey: string): Promise<VerificationMaterial> {
      const testimony = readTestimony(content, publicKey);
      const keyDetails = keyDetailsOf(testimony.verifier.key);
      const response = await callService(service, {
        method: 'POST',
        path: 'api/v2/log/entries',
        contentType: 'application/json',
        accept: 'application/json',
        body: Buffer.from(JSON.stringify(requestFor(testimony, keyDetails))),
        maxBytes: maxAnswer,
        timeout: timeToIntegrate,
      });
      const isOurs = (body: Buffer) => isAbout(body, testimony, keyDetails);
      if (response.status === 409)
        return { tlogEntries: [await fetchExisting(service, response, isOurs)] };
      if (response.status !== 200 && response.status !== 201) throw refused(service, response);
      return { tlogEntries: [readEntry(service, response, isOurs)] };
    },
  };
}

/**
 * The names of sigstore_common.proto, for keys whose signatures are over SHA-256 (the only ones
 * made here).
 */
function keyDetailsOf(key: KeyObject): string {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  if (type === 'ec' && details?.namedCurve === 'prime256v1') return 'PKIX_ECDSA_P256_SHA_256';
  const bits = details?.modulusLength;
  if (type === 'rsa' && (bits === 2048 || bits === 3072 || bits === 4096))
    return `PKIX_RSA_PKCS1V15_${bits}_SHA256`;
  throw new Failure(
    'unsupported-key',
    `Rekor v2 cannot record signatures of this key (${type === 'ec' ? details?.namedCurve : type}${bits === undefined ? '' : `, ${bits} bits`}).`,
    'Use a P-256 key or an RSA key of 2048, 3072 or 4096 bits, or sign without the log: `tlog: false`.',
  );
}

function requestFor({ digest, signature, verifier }: Testimony, keyDetails: string): object {
  return {
    hashedRekordRequestV002: {
      digest: digest.toString('base64'),
      signature: {
        content: signature.toString('base64'),
        verifier: { [verifier.kind]: { rawBytes: verifier.der.toString('base64') }, keyDetails },
      },
    },
  };
}

function readEntry(
  service: ServiceEndpoint,
  response: HttpResponse,
  isOurs: (body: Buffer) => boolean,
): LogEntry {
  const answer = jsonAnswer(service, response);
  const canonicalizedBody = decodeBase64(at(answer, 'canonicalizedBody'));
  const keyId = decodeBase64(at(answer, 'logId', 'keyId'));
  const logIndex = fromCount(at(answer, 'logIndex') ?? '0');
  const proof = at(answer, 'inclusionProof');
  const inclusionProof = readProof(
    {
      // protobuf JSON leaves out what is zero or empty
      logIndex: at(proof, 'logIndex') ?? '0',
      treeSize: at(proof, 'treeSize'),
      rootHash: at(proof, 'rootHash'),
      hashes: at(proof, 'hashes') ?? [],
      checkpoint: at(proof, 'checkpoint', 'envelope'),
    },
    decodeBase64,
  );
  if (!canonicalizedBody || !keyId || !logIndex)
    throw badAnswer(service, 'a field of the entry is missing or malformed');
  if (!inclusionProof)
    throw badAnswer(service, 'the entry has no inclusion proof with a checkpoint');
  if (!isOurs(canonicalizedBody))
    throw badAnswer(service, 'the entry is about another signature than ours');
  return entryOf(logIndex, keyId, inclusionProof, canonicalizedBody);
}

function entryOf(
  logIndex: string,
  keyId: Buffer,
  inclusionProof: NonNullable<LogEntry['inclusionProof']>,
  canonicalizedBody: Buffer,
): LogEntry {
  return {
    logIndex,
    logId: { keyId },
    kindVersion: { kind: 'hashedrekord', version: '0.0.2' },
    integratedTime: '0',
    inclusionPromise: undefined,
    inclusionProof,
    canonicalizedBody,
  };
}

/**
 * 409: the entry exists, in practice our own of a try whose answer was lost. The API cannot fetch
 * it, so it is read from the tiles.
 */
async function fetchExisting(
  service: ReadableLog,
  conflict: HttpResponse,
  isOurs: (body: Buffer) => boolean,
): Promise<LogEntry> {
  const said = jsonAnswer(service, conflict);
  const index =
    fromCount(conflict.headers['x-log-index']) ??
    /with index (\d{1,15})$/.exec(String(said.message))?.[1];
  if (index === undefined)
    throw badAnswer(service, 'it says that the entry exists (409) and does not say where');
  const { body, keyId, proof } = await fetchLogged(service, Number(index));
  if (!isOurs(body))
    throw badAnswer(
      service,
      'the entry that it says exists (409) is about another signature than ours',
    );
  return entryOf(index, keyId, proof, body);
}

function isAbout(
  bytes: Buffer,
  { digest, signature, verifier }: Testimony,
  keyDetails: string,
): boolean {
  const body = readBody(bytes);
  if (at(body, 'kind') !== 'hashedrekord' || at(body, 'apiVersion') !== '0.0.2') return false;
  const spec = at(body, 'spec', 'hashedRekordV002');
  return (
    at(spec, 'data', 'algorithm') === 'SHA2_256' &&
    at(spec, 'data', 'digest') === digest.toString('base64') &&
    at(spec, 'signature', 'content') === signature.toString('base64') &&
    at(spec, 'signature', 'verifier', 'keyDetails') === keyDetails &&
    at(spec, 'signature', 'verifier', verifier.kind, 'rawBytes') === verifier.der.toString('base64')
  );
}

function refused(service: ServiceEndpoint, response: HttpResponse): Failure {
  const said = refusalText(response);
  return new Failure(
    service.code,
    `Rekor at ${service.url.origin} did not take the entry (${response.status}${said === '' ? '' : `: ${said}`}).`,
    response.status === 404
      ? 'There is no Rekor v2 at this address: set `rekor-version: 1` if it is a Rekor v1, or correct `rekor-url:`.'
      : 'Check that the key is one that Rekor v2 takes (P-256, or RSA of 2048, 3072 or 4096 bits), and that `rekor-url:` is right.',
  );
}
