import { anchor, type Fields, object, text, texts, word } from './fields.ts';

const signedIdentity: Fields = {
  type: word(
    ...['matchExact', 'matchRepoDigestOrExact', 'matchRepository'],
    ...['exactReference', 'exactRepository', 'remapIdentity'],
  ),
  dockerReference: text,
  dockerRepository: text,
  prefix: text,
  signedPrefix: text,
};

const sigstoreSigned: Fields = {
  type: text,
  keyPath: text,
  keyPaths: texts,
  keyData: text,
  keyDatas: texts,
  fulcio: object({
    caPath: anchor,
    caData: anchor,
    oidcIssuer: text,
    subjectEmail: text,
  }),
  pki: object({
    caRootsPath: text,
    caRootsData: text,
    caIntermediatesPath: text,
    caIntermediatesData: text,
    subjectEmail: text,
    subjectHostname: text,
  }),
  rekorPublicKeyPath: anchor,
  rekorPublicKeyPaths: anchor,
  rekorPublicKeyData: anchor,
  rekorPublicKeyDatas: anchor,
  signedIdentity: object(signedIdentity),
};

const signedBy: Fields = {
  type: text,
  keyType: text,
  keyPath: text,
  keyPaths: texts,
  keyData: text,
  signedIdentity: object(signedIdentity),
};

/**
 * Every field of a requirement, by its `type` (containers-policy.json(5)), and what becomes of it here.
 */
export const requirementFields: Readonly<Record<string, Fields>> = {
  insecureAcceptAnything: { type: text },
  reject: { type: text },
  sigstoreSigned,
  signedBy,
};
