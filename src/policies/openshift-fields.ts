import { anchor, type Fields, kubernetesObject, object, text, texts, word } from './fields.ts';

const fulcio: Fields = {
  fulcioCAData: anchor,
  rekorKeyData: anchor,
  fulcioSubject: object({ oidcIssuer: text, signedEmail: text }),
};

const pki: Fields = {
  caRootsData: text,
  caIntermediatesData: text,
  pkiCertificateSubject: object({ email: text, hostname: text }),
};

/** Every field of OpenShift's ClusterImagePolicy and ImagePolicy (config.openshift.io/v1). */
export const imagePolicyFields = kubernetesObject({
  scopes: texts,
  policy: object({
    rootOfTrust: object({
      policyType: word('PublicKey', 'FulcioCAWithRekor', 'PKI'),
      publicKey: object({ keyData: text, rekorKeyData: anchor }),
      fulcioCAWithRekor: object(fulcio),
      pki: object(pki),
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
