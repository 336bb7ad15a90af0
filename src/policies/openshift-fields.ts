import {
  anchor,
  type Fields,
  ignored,
  kubernetesObject,
  object,
  text,
  texts,
  word,
} from './fields.ts';

const fulcio: Fields = {
  fulcioCAData: anchor,
  rekorKeyData: anchor,
  fulcioSubject: object({ oidcIssuer: text, signedEmail: text }),
};

/** Every field of OpenShift's ClusterImagePolicy and ImagePolicy (config.openshift.io/v1). */
export const imagePolicyFields = kubernetesObject({
  scopes: texts,
  policy: object({
    rootOfTrust: object({
      policyType: word('PublicKey', 'FulcioCAWithRekor'),
      publicKey: object({ keyData: text, rekorKeyData: anchor }),
      fulcioCAWithRekor: object(fulcio),
      // Its policyType says that it is not supported.
      pki: ignored,
    }),
    signedIdentity: object({
      matchPolicy: word(
        'MatchRepoDigestOrExact',
        'MatchRepository',
        'ExactRepository',
        'RemapIdentity',
      ),
      exactRepository: object({ repository: text }),
      remapIdentity: object({ prefix: text, signedPrefix: text }),
    }),
  }),
});
