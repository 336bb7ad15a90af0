import { signTable, type Table, verifyTable } from './table.ts';

// The inputs of `sign-image inventory`, which is a command alone. Loaded at every start of the
// command, so nothing here loads more than the table.

/** The inputs of the command `sign-image inventory`. */
export const inventoryTable = {
  repository: {
    kind: 'text',
    sentence: 'The repository to list, `registry/repository`. It may also stand without a flag.',
  },
  recursive: {
    kind: 'switch',
    default: 'false',
    sentence: 'Also list every manifest inside an image index.',
  },
  key: {
    kind: 'text',
    secret: 'unless-public',
    sentence: 'The public key whose signatures are verified, or several in one file: any of them.',
  },
  'certificate-identity': verifyTable['certificate-identity'],
  'certificate-identity-regexp': verifyTable['certificate-identity-regexp'],
  'certificate-oidc-issuer': verifyTable['certificate-oidc-issuer'],
  'certificate-oidc-issuer-regexp': verifyTable['certificate-oidc-issuer-regexp'],
  'resign-with': {
    kind: 'text',
    secret: 'key',
    sentence:
      'A private key, as `sign --key` takes it: images whose signature verifies, and that are not signed with this key, are signed with it.',
  },
  'key-password': signTable['key-password'],
  prune: {
    kind: 'switch',
    default: 'false',
    sentence: 'Take away what belongs to images that are gone, and nothing else.',
  },
  'dry-run': {
    kind: 'switch',
    default: 'true',
    sentence: 'Only say what would be signed and taken away.',
  },
  tlog: verifyTable.tlog,
  timeout: {
    kind: 'duration',
    default: '15m',
    sentence: 'The time for everything, retries included.',
  },
  registry: verifyTable.registry,
  'registry-username': verifyTable['registry-username'],
  'registry-password': verifyTable['registry-password'],
  'allow-http-registry': verifyTable['allow-http-registry'],
  'allow-insecure-registry': verifyTable['allow-insecure-registry'],
  'trusted-root': verifyTable['trusted-root'],
  'tuf-mirror': verifyTable['tuf-mirror'],
  'tuf-root': verifyTable['tuf-root'],
  'signing-config': signTable['signing-config'],
  'rekor-url': signTable['rekor-url'],
  'rekor-version': signTable['rekor-version'],
  'timestamp-url': signTable['timestamp-url'],
} as const satisfies Table;
