import type { Fields } from './fields.ts';

const signedIdentity: Fields = {
  type: {
    as: 'text',
    of: [
      ...['matchExact', 'matchRepoDigestOrExact', 'matchRepository'],
      ...['exactReference', 'exactRepository', 'remapIdentity'],
    ],
  },
  dockerReference: { as: 'text' },
  dockerRepository: { as: 'text' },
  prefix: { as: 'text' },
  signedPrefix: { as: 'text' },
};

const sigstoreSigned: Fields = {
  type: { as: 'text' },
  keyPath: { as: 'text' },
  keyPaths: { as: 'texts' },
  keyData: { as: 'text' },
  keyDatas: { as: 'texts' },
  fulcio: {
    as: 'object',
    fields: {
      caPath: { as: 'anchor' },
      caData: { as: 'anchor' },
      oidcIssuer: { as: 'text' },
      subjectEmail: { as: 'text' },
    },
  },
  pki: {
    as: 'refused',
    why: 'asks for certificates of your own, which are not supported',
    fix: 'Use `keyData` with the public key, or `fulcio`.',
  },
  rekorPublicKeyPath: { as: 'anchor' },
  rekorPublicKeyPaths: { as: 'anchor' },
  rekorPublicKeyData: { as: 'anchor' },
  rekorPublicKeyDatas: { as: 'anchor' },
  signedIdentity: { as: 'object', fields: signedIdentity },
};

const signedBy: Fields = {
  type: { as: 'text' },
  keyType: { as: 'text' },
  keyPath: { as: 'text' },
  keyPaths: { as: 'texts' },
  keyData: { as: 'text' },
  signedIdentity: { as: 'object', fields: signedIdentity },
};

/**
 * Every field of a requirement, by its `type` (containers-policy.json(5)), and what becomes of it here.
 */
export const requirementFields: Readonly<Record<string, Fields>> = {
  insecureAcceptAnything: { type: { as: 'text' } },
  reject: { type: { as: 'text' } },
  sigstoreSigned,
  signedBy,
};
