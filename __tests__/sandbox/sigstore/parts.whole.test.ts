import { createHash, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyRsaPair } from '../rsa-keys.ts';
import { newRoot } from './certificates.ts';
import { signedCheckpoint } from './checkpoint.ts';
import {
  dottedOid,
  generalizedTime,
  integer,
  octetString,
  oid,
  readDer,
  sequence,
  utcTime,
} from './der.ts';
import { newEcKey, verifiesDigest } from './keys.ts';
import { leafHash, MerkleTree } from './merkle.ts';

describe('DER', () => {
  it.each([
    ['zero', integer(0), '020100'],
    ['127', integer(127), '02017f'],
    ['128, which needs a zero in front', integer(128), '02020080'],
    ['256', integer(256), '02020100'],
    ['bytes with zeros in front', integer(Buffer.from([0, 0, 5])), '020105'],
    ['an object identifier', oid('1.3.6.1.4.1.57264.1.8'), '060a2b0601040183bf300108'],
    ['one that starts with 2', oid('2.5.29.17'), '0603551d11'],
    [
      '200 bytes, with a length of two bytes',
      octetString(Buffer.alloc(200)).subarray(0, 3),
      '0481c8',
    ],
    [
      '300 bytes, with a length of three bytes',
      octetString(Buffer.alloc(300)).subarray(0, 4),
      '0482012c',
    ],
    [
      'a time',
      generalizedTime(new Date('2026-11-20T13:00:15.999Z')),
      '180f32303236313132303133303031355a',
    ],
    ['a short time', utcTime(new Date('2026-11-20T13:00:15Z')), '170d3236313132303133303031355a'],
  ])('writes %s', (_, bytes, hex) => expect(bytes.toString('hex')).toBe(hex));

  it.each([
    ['nothing', ''],
    ['a tag alone', '02'],
    ['fewer bytes than the length says', '020201'],
    ['a byte after the value', '02010100'],
    ['an indefinite length', '30800000'],
    ['a length in two bytes that fits into one', '02810101'],
    ['a length with a zero in front', '0482000101'],
    ['an inner value that ends outside', '3003020201'],
    ['a tag of several bytes', '1f810100'],
  ])('does not read %s', (_, hex) =>
    expect(() => readDer(Buffer.from(hex, 'hex'))).toThrow(RangeError),
  );

  it('reads what it wrote', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 5 }), (parts) => {
        expect(
          readDer(sequence(...parts.map(octetString))).children.map(({ content }) => [...content]),
        ).toEqual(parts.map((part) => [...part]));
      }),
    );
  });

  it('throws nothing but a RangeError for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        try {
          readDer(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
      }),
    );
  });

  it('reads object identifiers back', () => {
    for (const dotted of [
      '1.3.6.1.4.1.57264.2',
      '2.16.840.1.101.3.4.2.1',
      '1.2.840.113549.1.9.16.2.47',
    ])
      expect(dottedOid(readDer(oid(dotted)))).toBe(dotted);
  });
});

// The leaves and roots of the reference tests of RFC 6962 implementations.
const leaves = [
  '',
  '00',
  '10',
  '2021',
  '3031',
  '40414243',
  '5051525354555657',
  '606162636465666768696a6b6c6d6e6f',
];
const roots = [
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];

/** The root that an audit path leads to (RFC 9162, 2.1.3.2). */
function rootFrom(hash: Buffer, index: number, size: number, path: readonly Buffer[]): string {
  const node = (left: Buffer, right: Buffer): Buffer =>
    createHash('sha256')
      .update(Buffer.from([1]))
      .update(left)
      .update(right)
      .digest();
  let [at, last, current] = [index, size - 1, hash];
  for (const sibling of path) {
    const isRight = at % 2 === 1 || at === last;
    current = isRight ? node(sibling, current) : node(current, sibling);
    while (isRight && at % 2 === 0 && at !== 0) [at, last] = [at >> 1, last >> 1];
    [at, last] = [at >> 1, last >> 1];
  }
  return current.toString('hex');
}

describe('the Merkle tree', () => {
  const tree = new MerkleTree();
  for (const leaf of leaves) tree.append(leafHash(Buffer.from(leaf, 'hex')));

  it('has the known roots at every size', () => {
    expect(leaves.map((_, i) => tree.root(i + 1).toString('hex'))).toEqual(roots);
    expect(new MerkleTree().root().toString('hex')).toBe(createHash('sha256').digest('hex'));
  });

  it('proves every leaf in every tree', () => {
    const large = new MerkleTree();
    for (let i = 0; i < 67; i++) large.append(leafHash(Buffer.from([i])));
    for (let size = 1; size <= 67; size++) {
      for (let i = 0; i < size; i++) {
        expect(rootFrom(leafHash(Buffer.from([i])), i, size, large.inclusionProof(i, size))).toBe(
          large.root(size).toString('hex'),
        );
      }
    }
  });

  it.each([
    [1, 1, []],
    [
      1,
      8,
      [
        '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
        '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
        '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
      ],
    ],
    [
      6,
      8,
      [
        '0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a',
        'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
        'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
      ],
    ],
  ])('proves that the tree of %i grew into that of %i', (first, last, proof) =>
    expect(tree.consistencyProof(first, last).map((hash) => hash.toString('hex'))).toEqual(proof),
  );
});

describe('ECDSA over a digest', () => {
  it.each([
    ['P-256', 'sha256'],
    ['P-384', 'sha384'],
    ['P-521', 'sha512'],
    ['P-256', 'sha512'],
    ['P-384', 'sha256'],
  ] as const)('agrees with node:crypto on %s with %s', (namedCurve, hash) => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve });
    const other = generateKeyPairSync('ec', { namedCurve }).publicKey;
    for (let i = 0; i < 5; i++) {
      const message = Buffer.from([i]);
      const digest = createHash(hash).update(message).digest();
      const [der, fixed] = [
        sign(hash, message, privateKey),
        sign(hash, message, { key: privateKey, dsaEncoding: 'ieee-p1363' }),
      ];
      const wrong = Buffer.from(digest);
      wrong[0] = (wrong[0] ?? 0) ^ 1;
      expect(
        [der, fixed].map((signature) => verifiesDigest(publicKey, hash, digest, signature)),
      ).toEqual([true, true]);
      expect([
        verifiesDigest(publicKey, hash, wrong, der),
        verifiesDigest(other, hash, digest, der),
        verifiesDigest(publicKey, hash, digest, Buffer.alloc(70)),
      ]).toEqual([false, false, false]);
    }
  });

  it('takes two numbers of one length for that, also where their first bytes are the head of a value in DER', () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const message = Buffer.from('message');
    const fixed = () => sign('sha256', message, { key: privateKey, dsaEncoding: 'ieee-p1363' });
    let signature = fixed();
    while (signature[1] !== 62 || ((signature[0] ?? 0) & 0x3f) > 0x1e) signature = fixed();
    expect(
      verifiesDigest(publicKey, 'sha256', createHash('sha256').update(message).digest(), signature),
    ).toBe(true);
  });

  it.each([
    ['r of zero', sequence(integer(0), integer(1))],
    ['s of zero', sequence(integer(1), integer(0))],
    ['one number', sequence(integer(1))],
    ['numbers beyond the order', sequence(integer(Buffer.alloc(32, 0xff)), integer(1))],
    ['no bytes', Buffer.alloc(0)],
  ])('refuses %s', (_, signature) =>
    expect(verifiesDigest(createPublicKey(newEcKey()), 'sha256', Buffer.alloc(32), signature)).toBe(
      false,
    ),
  );

  it('checks RSA signatures by their digest', () => {
    const { privateKey, publicKey } = anyRsaPair();
    const signature = sign('sha256', Buffer.from('message'), privateKey);
    const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
    expect(
      ['message', 'other'].map((text) =>
        verifiesDigest(publicKey, 'sha256', digest(text), signature),
      ),
    ).toEqual([true, false]);
  });
});

describe('a checkpoint', () => {
  it('is a note that the key of its hint signed', () => {
    const key = newEcKey();
    const note = signedCheckpoint(
      { origin: 'log.test - 7', name: 'log.test', key },
      3,
      Buffer.alloc(32, 1),
    );
    const [text = '', signatures = ''] = note.split(/(?<=\n)\n/);
    const [, line = ''] = /^— log\.test (\S+)\n$/.exec(signatures) ?? [];
    const bytes = Buffer.from(line, 'base64');
    const spki = createPublicKey(key).export({ type: 'spki', format: 'der' });
    expect(text).toBe(`log.test - 7\n3\n${Buffer.alloc(32, 1).toString('base64')}\n`);
    expect(bytes.subarray(0, 4)).toEqual(createHash('sha256').update(spki).digest().subarray(0, 4));
    expect(verify('sha256', Buffer.from(text), createPublicKey(key), bytes.subarray(4))).toBe(true);
  });
});

describe('a root certificate', () => {
  it('is signed with the hash of its curve', () => {
    for (const [curve, algorithm] of [
      ['P-256', '1.2.840.10045.4.3.2'],
      ['P-384', '1.2.840.10045.4.3.3'],
    ] as const) {
      const identifier = readDer(newRoot('root', curve, 1).der).children[1]?.children[0];
      expect(identifier && dottedOid(identifier)).toBe(algorithm);
    }
  });
});
