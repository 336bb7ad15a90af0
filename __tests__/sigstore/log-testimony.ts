// What both Rekors are asked to record, and an Http between us and them that edits their answers.

import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { TrustedRoot } from '@sigstore/protobuf-specs';
import type { SignatureBundle } from '@sigstore/sign';
import { systemClock } from '../../src/clock.ts';
import type { Http, HttpResponse } from '../../src/http/http.ts';
import { createRekor, type Rekor, type RekorVersion } from '../../src/sigstore/rekor.ts';
import { logIdsOf } from '../../src/sigstore/trust.ts';
import type { Sigstore } from '../sandbox/sigstore/sigstore.ts';
import { plainHttp } from './plain-http.ts';

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
export const pem = publicKey.export({ format: 'pem', type: 'spki' }).toString();

/** A fresh signature each time: ECDSA never makes the same one twice. */
export function message(text = 'message'): SignatureBundle {
  const digest = createHash('sha256').update(text).digest();
  const signature = sign('sha256', Buffer.from(text), privateKey);
  return {
    $case: 'messageSignature',
    messageSignature: { messageDigest: { algorithm: 1, digest }, signature },
  };
}

export function envelope(statement = '{}'): SignatureBundle {
  const payloadType = 'application/vnd.in-toto+json';
  const pae = Buffer.from(
    `DSSEv1 ${payloadType.length} ${payloadType} ${statement.length} ${statement}`,
  );
  const sig = sign('sha256', pae, privateKey);
  return {
    $case: 'dsseEnvelope',
    dsseEnvelope: {
      payload: Buffer.from(statement),
      payloadType,
      signatures: [{ sig, keyid: '' }],
    },
  };
}

/** A Rekor of the sandbox, asked through `http`. */
export const rekorOf = (
  sigstore: Sigstore,
  version: RekorVersion | undefined,
  http: Http = plainHttp(),
  url = version === 2 ? sigstore.rekor2Url : sigstore.rekorUrl,
  clock = systemClock,
): Rekor =>
  createRekor({
    http,
    clock,
    url: new URL(url),
    retryBudget: () => 5000,
    logIds: async () => logIdsOf(TrustedRoot.fromJSON(sigstore.trustedRoot)),
    ...(version === undefined ? {} : { version }),
  });

export const editing =
  (edit: (answer: never, response: HttpResponse) => unknown, http: Http = plainHttp()): Http =>
  async (request) => {
    const response = await http(request);
    return {
      ...response,
      body: Buffer.from(
        JSON.stringify(edit(JSON.parse(response.body.toString()) as never, response)),
      ),
    };
  };

/** A canonicalized body (base64) with something changed. */
export const editBody = (body: string, edit: (json: never) => void) => {
  const json = JSON.parse(Buffer.from(body, 'base64').toString());
  edit(json as never);
  return Buffer.from(JSON.stringify(json)).toString('base64');
};
