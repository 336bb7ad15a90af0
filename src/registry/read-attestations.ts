import type { Digest } from '../image/digest.ts';
import type { FoundAttestation, FoundSignature } from '../signature/found.ts';
import { shown } from '../text/untrusted.ts';
import {
  type Broken,
  type LargeBlob,
  problemOf,
  type Reader,
  tooLarge,
} from './read-signatures.ts';
import type { ByteRoom } from './run-memory.ts';

/**
 * An attestation whose bytes are too many to be held until the last one of an image is judged. `use`
 * fetches them, waits for room where others of the run are large too, and lets them go after the
 * work.
 */
export interface LargeAttestation {
  readonly format: 'bundle' | 'legacy';
  readonly digest: Digest;
  readonly reference: string;
  /** bytes, as declared */
  readonly size: number;
  use<T>(work: (found: FoundAttestation) => T | Promise<T>): Promise<T>;
}

/** bytes of large attestations beside one image, as declared */
const maxTotalBytes = 256 << 20;
const typeAnnotations = ['dev.sigstore.bundle.predicateType', 'predicateType'];

interface Tools {
  readonly repository: Pick<Reader, 'getBlob'>;
  readonly room: ByteRoom;
  /** those that are asked for; absent = every type */
  readonly types: readonly string[] | undefined;
}

/**
 * Turns what was read beside an image, bundles and DSSE layers, into attestations.
 * @throws {Failure} `too-large` where the large ones are more than anybody should fetch
 */
export function attestationsAmong(
  found: readonly (FoundSignature | Broken)[],
  tools: Tools,
): readonly (FoundAttestation | LargeAttestation)[] {
  const all = found.map((one): FoundAttestation | LargeAttestation => {
    if ('problem' in one) {
      const large = 'large' in one ? one.large : undefined;
      return large === undefined ? one : largeOne(one, large, tools);
    }
    if (one.format === 'bundle') return one;
    const { format, digest, reference, payload, annotations } = one;
    return { format, digest, reference, envelope: payload, annotations };
  });
  const total = all.reduce((sum, one) => sum + ('use' in one ? one.size : 0), 0);
  if (total > maxTotalBytes)
    throw tooLarge(`and its attestations have ${total} bytes, more than ${maxTotalBytes}`);
  return all;
}

function largeOne(
  { format, digest, reference }: Broken,
  { blob, size, annotations }: LargeBlob,
  { repository, room, types }: Tools,
): FoundAttestation | LargeAttestation {
  const place = { format, digest, reference };
  // Who wrote that it is something else has said that it does not count: it need not be fetched.
  const said = typeAnnotations.map((name) => annotations[name]).find((type) => type !== undefined);
  if (types !== undefined && said !== undefined && !types.includes(said)) {
    const reason = `it says to be of type "${shown(said)}", which is not asked for, and was not fetched`;
    return { ...place, problem: { code: 'wrong-predicate', reason } };
  }
  const fetched = async (): Promise<FoundAttestation> => {
    try {
      const bytes = await repository.getBlob(blob, size);
      return format === 'bundle'
        ? { ...place, format, bundle: bytes }
        : { ...place, format, envelope: bytes, annotations };
    } catch (caught) {
      return problemOf(caught, format, place);
    }
  };
  return { ...place, size, use: (work) => room.with(size, async () => work(await fetched())) };
}
