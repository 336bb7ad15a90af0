import type { SignaturePolicy } from '../signature/policy.ts';
import type { Requirement } from '../signature/requirement.ts';
import { shown } from '../text/untrusted.ts';
import { checkFields, type Reader } from './check-fields.ts';
import { requirementFields } from './containers-policy-fields.ts';
import { ignored } from './fields.ts';
import type { PolicyImage } from './image-names.ts';
import { keysIn, keysInText } from './keys.ts';
import {
  listOf,
  mapOf,
  nodeAt,
  noteOn,
  onlyOneOf,
  type PolicyNode,
  refusal,
  textOf,
} from './node.ts';
import { pkiPolicy } from './pki.ts';
import type { PolicyRule } from './rule.ts';
import {
  anyImage,
  checkScope,
  decoded,
  emailSigner,
  exactReference,
  exactRepository,
  isPublicGoodAuthority,
  matchExact,
  matchRepoDigestOrExact,
  matchRepository,
  type PulledImage,
  pulledAs,
  remapIdentity,
  type SignedIdentity,
  scopePatterns,
  scopesOf,
  untaggedNote,
} from './scopes.ts';

/** A policy.json is told by its `default`, a list; Kubernetes objects have none. */
export function isContainersPolicy(document: PolicyNode): boolean {
  const fields = mapOf(document);
  return Array.isArray(fields.get('default')?.value) && !fields.has('kind');
}

/**
 * Checks a policy.json as its readers do, which reject the whole file for a field that they do not
 * know (containers-policy.json(5)).
 * @throws {Failure} `bad-policy`
 */
export function checkContainersPolicy(document: PolicyNode, reader: Reader): void {
  checkFields(document, { default: ignored, transports: ignored }, reader);
  const every = [
    ['', nodeAt(document, 'default')] as const,
    ...[...mapOf(nodeAt(document, 'transports'))].flatMap(([transport, scopes]) => {
      if (!(scopes.value instanceof Map))
        throw refusal(scopes, 'must be a map of scopes', 'Write `{"SCOPE": [{"type": …}]}`.');
      return [...mapOf(scopes)].map(([scope, list]) => {
        if (transport === 'docker' && scope !== '') checkScope(list, scope);
        return [transport, list] as const;
      });
    }),
  ];
  for (const [transport, list] of every) {
    if (listOf(list).length === 0)
      throw refusal(
        list ?? document,
        'must be a list with a requirement',
        'Write `[{"type": "reject"}]`, or who must have signed.',
      );
    const isAsked = transport === '' || transport === 'docker';
    for (const one of listOf(list)) checkRequirement(one, isAsked, reader);
  }
}

function checkRequirement(requirement: PolicyNode, isAsked: boolean, reader: Reader): void {
  const type = textOf(mapOf(requirement).get('type')) ?? '';
  const fields = Object.hasOwn(requirementFields, type) ? requirementFields[type] : undefined;
  if (fields === undefined)
    throw refusal(
      mapOf(requirement).get('type') ?? requirement,
      `is no requirement of such a policy`,
      `Known are ${Object.keys(requirementFields).join(', ')}.`,
    );
  // Other transports are about no image of a registry: their keys and roots are not needed.
  const silent = isAsked ? {} : { notes: [] };
  const isKnown = !isAsked || isPublicGoodAuthority(nodeAt(requirement, 'fulcio', 'caData'));
  const ownTrust = reader.ownTrust || isKnown;
  checkFields(requirement, fields, { ...reader, ownTrust, ...silent });
  if (!isAsked || type !== 'sigstoreSigned') return;
  const paths = [mapOf(requirement).get('keyPath'), ...listOf(mapOf(requirement).get('keyPaths'))];
  for (const path of paths)
    if (path !== undefined && textOf(path) !== undefined)
      reader.keys.inFiles.set(path, textOf(path) ?? '');
  for (const field of ['caRootsPath', 'caIntermediatesPath']) {
    const path = nodeAt(requirement, 'pki', field);
    const address = path === undefined ? undefined : textOf(path);
    if (path !== undefined && address !== undefined) reader.keys.certificates.set(path, address);
  }
}

type Asks = (image: PulledImage) => Requirement;

/**
 * Reads a policy.json of podman, skopeo, CRI-O and bootc: of all scopes of the transport `docker`
 * that an image lies in only the longest counts, else the transport's default, else the default. So
 * it speaks of every image.
 * @returns one rule
 * @throws {Failure} `bad-policy`
 */
export function readContainersPolicy(document: PolicyNode, reader: Reader): readonly PolicyRule[] {
  const docker = mapOf(nodeAt(document, 'transports', 'docker'));
  const fallback = nodeAt(document, 'default');
  const entries = [...docker, ...(fallback === undefined ? [] : [['default', fallback] as const])];
  refuseWithoutSigstore(entries.map(([, list]) => list));
  const scopes = new Map(
    entries.map(([scope, list]) => [
      list === fallback ? undefined : scope,
      readList(list, scope, reader),
    ]),
  );
  const asksOf = (image: PulledImage): Requirement => {
    const scope = [...scopesOf(image), '', undefined].find((one) => scopes.has(one));
    const silent = { kind: 'fail', reason: 'the policy says nothing of it.' } as const;
    return scopes.get(scope)?.(image) ?? silent;
  };
  const name = 'policy.json';
  const requirementFor = (image: PolicyImage): Requirement => {
    const of = pulledAs(image).map(asksOf);
    return { kind: 'count', of, count: of.length, name };
  };
  const place = { file: document.file, line: document.line };
  const rules = entries.map(([scope, list]) => {
    const asks = readList(list, scope, { ...reader, notes: [] })(anyImage);
    return {
      ...place,
      name: `${name}, ${scope === '' ? 'transport docker' : shown(scope)}`,
      line: list.line,
      patterns: scopePatterns([list === fallback ? '' : scope]),
      asks,
      requirementFor: () => undefined,
    };
  });
  const asks: Requirement = { kind: 'count', of: rules.map((rule) => rule.asks), count: 1, name };
  const patterns = scopePatterns(['']);
  return [{ ...place, name, patterns, asks, requirementFor, parts: rules }];
}

/** With GPG alone there is nothing here that could be checked. */
function refuseWithoutSigstore(lists: readonly PolicyNode[]): void {
  const types = lists.flatMap(listOf).flatMap((one) => mapOf(one).get('type') ?? []);
  const gpg = types.find(({ value }) => value === 'signedBy');
  if (gpg === undefined || types.some(({ value }) => value === 'sigstoreSigned')) return;
  throw refusal(
    gpg,
    'is signedBy, which asks for signatures by GPG, and those are not supported',
    'Give the gate a policy.json with `sigstoreSigned`.',
  );
}

function readList(list: PolicyNode, scope: string, reader: Reader): Asks {
  const parts = listOf(list).map((one) => readRequirement(one, scope, reader));
  return (image) => {
    const of = parts.map((part) => part(image));
    const [only] = of;
    return only !== undefined && of.length === 1 ? only : { kind: 'count', of, count: of.length };
  };
}

function readRequirement(requirement: PolicyNode, scope: string, reader: Reader): Asks {
  const where = scope === '' ? 'the default of docker' : shown(scope);
  const fail =
    (reason: string): Asks =>
    () => ({ kind: 'fail', reason, name: where });
  switch (textOf(mapOf(requirement).get('type'))) {
    case 'insecureAcceptAnything': {
      const type = mapOf(requirement).get('type') ?? requirement;
      const text = `is insecureAcceptAnything: images of ${where} pass without any signature, here and on the host.`;
      reader.notes.push({ ...noteOn(type, text), loud: true });
      return () => ({
        kind: 'pass',
        reason: 'the policy lets it through without a signature (insecureAcceptAnything).',
        name: where,
      });
    }
    case 'reject':
      return fail('the policy rejects it (reject).');
    case 'signedBy':
      return fail('the policy asks for a signature by GPG (signedBy), which is not checked here.');
    default:
      return readSigstore(requirement, where, reader);
  }
}

function readSigstore(requirement: PolicyNode, where: string, reader: Reader): Asks {
  const forms = ['keyPath', 'keyPaths', 'keyData', 'keyDatas', 'fulcio', 'pki'];
  const { name, node } = onlyOneOf(requirement, forms);
  const logged = ['Path', 'Paths', 'Data', 'Datas'].some((form) =>
    mapOf(requirement).has(`rekorPublicKey${form}`),
  );
  if (name === 'fulcio' && !logged)
    throw refusal(node, 'stands without a key of the log', 'Add `rekorPublicKeyData`.');
  if (name === 'pki' && logged)
    throw refusal(
      node,
      'stands beside a key of the log, which is not looked at with it',
      'Remove `rekorPublicKey…`.',
    );
  const policy =
    name === 'pki' ? pkiOf(node, reader) : byKeyOrPerson({ name, node, logged }, reader);
  const identity = readIdentity(requirement, reader);
  return (image) => ({
    kind: 'signature',
    policy: { ...policy, claimedName: identity(image) },
    name: where,
  });
}

function byKeyOrPerson(
  {
    name,
    node,
    logged,
  }: { readonly name: string; readonly node: PolicyNode; readonly logged: boolean },
  reader: Reader,
): SignaturePolicy {
  const [email, issuer] = [mapOf(node).get('subjectEmail'), mapOf(node).get('oidcIssuer')];
  return {
    signers: name === 'fulcio' ? [emailSigner(node, email, issuer)] : readKeys(name, node, reader),
    annotations: {},
    tlog: logged ? 'required' : 'ignore',
  };
}

function pkiOf(node: PolicyNode, reader: Reader): SignaturePolicy {
  const fields = mapOf(node);
  return pkiPolicy(
    node,
    {
      rootsData: fields.get('caRootsData'),
      rootsPath: fields.get('caRootsPath'),
      intermediatesData: fields.get('caIntermediatesData'),
      intermediatesPath: fields.get('caIntermediatesPath'),
      email: fields.get('subjectEmail'),
      hostname: fields.get('subjectHostname'),
    },
    reader,
  );
}

/** Of several keys any one is enough. */
function readKeys(name: string, node: PolicyNode, reader: Reader): SignaturePolicy['signers'] {
  const nodes = name.endsWith('s') ? listOf(node) : [node];
  const [first, ...rest] = nodes.flatMap((one) =>
    name.startsWith('keyData')
      ? keysInText(one, decoded(one), reader.keys)
      : keysIn(one, reader.keys),
  );
  if (first === undefined) throw refusal(node, 'holds no key', 'Add one.');
  return [{ key: first }, ...rest.map((key) => ({ key }))];
}

function readIdentity(requirement: PolicyNode, reader: Reader): SignedIdentity {
  const identity = mapOf(requirement).get('signedIdentity');
  const fields = mapOf(identity);
  const parent = identity ?? requirement;
  switch (textOf(fields.get('type'))) {
    case 'matchRepository':
      return matchRepository;
    case 'exactRepository':
      return exactRepository(fields.get('dockerRepository'), parent);
    case 'exactReference':
      return exactReference(fields.get('dockerReference'), parent);
    case 'matchExact':
      reader.notes.push(
        noteOn(parent, untaggedNote.replace('matchRepoDigestOrExact', 'matchExact')),
      );
      return matchExact;
    case 'remapIdentity':
      reader.notes.push(noteOn(parent, untaggedNote));
      return remapIdentity(fields.get('prefix'), fields.get('signedPrefix'), parent);
    case undefined:
      if (identity !== undefined)
        throw refusal(identity, 'has no `type`', 'Add `"type": "matchRepository"`.');
  }
  reader.notes.push(noteOn(parent, untaggedNote));
  return matchRepoDigestOrExact;
}
