import { Failure } from '../failure.ts';
import type { RekorVersion } from './rekor.ts';
import { badConfig, type Selector, type Service, type SigningConfig } from './signing-config.ts';

/** Addresses that replace a service of the signing config (inputs of the same names). */
export interface ServiceOverrides {
  readonly fulcioUrl?: URL;
  readonly rekorUrl?: URL;
  /** of `rekorUrl`; without one, which logs of the config will do */
  readonly rekorVersion?: RekorVersion;
  readonly timestampUrl?: URL;
}

/** A log to write to; the version is found out by asking where it is absent. */
export interface ChosenLog {
  readonly url: URL;
  readonly version?: RekorVersion;
}

/** The services of this run. */
export interface ChosenServices {
  readonly fulcio?: URL;
  readonly logs: readonly ChosenLog[];
  readonly timestamps: readonly URL[];
  /** by kind, all that will do, where there are more than are used */
  readonly standIns?: Readonly<Partial<Record<ServiceKind, readonly Candidate[]>>>;
}

export type ServiceKind = 'fulcio' | 'logs' | 'timestamps';

/** A service that is used, or steps in for one that is down: in this order. */
export interface Candidate extends ChosenLog {
  /** of one operator no two are used for one signature */
  readonly operator: string;
}

export interface Need {
  /** keyless: a Fulcio is needed */
  readonly fulcio: boolean;
  /** input `tlog` */
  readonly log: boolean;
  /** versions of Rekor that will do; `[1]` where a legacy signature has been asked for */
  readonly rekorVersions?: readonly RekorVersion[];
}

/**
 * Chooses services as the specification of the signing config says (comments of `Service` and
 * `ServiceConfiguration` in
 * https://github.com/sigstore/protobuf-specs/blob/main/protos/sigstore_trustroot.proto): only those
 * that are valid now and whose API is spoken here, of the highest such version only, the newest
 * first, at most one of each operator; then ANY (the newest), ALL, or EXACT n. The others of that
 * version stand in for one that is down: those of other operators first. A single address
 * replaces every service of its kind. A config without any log or timestamp authority is used
 * without them; what must be there for a signature to be verifiable is the caller's rule.
 * @param config undefined where only single addresses were given
 * @throws {Failure} `bad-signing-config` naming what is missing
 */
export function chooseServices(
  config: SigningConfig | undefined,
  overrides: ServiceOverrides,
  need: Need,
  now: Date,
): ChosenServices {
  const fulcio = need.fulcio ? chooseFulcio(config, overrides, now) : nothing;
  const logs = need.log
    ? chooseLogs(config, overrides, need.rekorVersions ?? [2, 1], now)
    : nothing;
  const what = 'timestamp authority (`tsaUrls`)';
  const timestamps =
    overrides.timestampUrl === undefined
      ? choose(config?.tsa, config?.tsaSelector, [1], now, what)
      : only(overrides.timestampUrl);
  const [first] = fulcio.candidates;
  const standIns = Object.entries({ fulcio, logs, timestamps })
    .filter(([, { count, candidates }]) => candidates.length > count)
    .map(([kind, { candidates }]) => [kind, candidates]);
  return {
    ...(first === undefined ? {} : { fulcio: first.url }),
    logs: usedFirst(logs).map(({ operator: _, ...log }) => log),
    timestamps: usedFirst(timestamps).map(({ url }) => url),
    ...(standIns.length === 0 ? {} : { standIns: Object.fromEntries(standIns) }),
  };
}

/** So many of these are used at once. */
interface Choice {
  readonly count: number;
  readonly candidates: readonly Candidate[];
}

const nothing: Choice = { count: 0, candidates: [] };

function only(url: URL, version?: RekorVersion): Choice {
  const log = version === undefined ? { url } : { url, version };
  return { count: 1, candidates: [{ ...log, operator: '' }] };
}

function usedFirst({ count, candidates }: Choice): readonly Candidate[] {
  return candidates.slice(0, count);
}

function chooseFulcio(
  config: SigningConfig | undefined,
  { fulcioUrl }: ServiceOverrides,
  now: Date,
): Choice {
  if (fulcioUrl !== undefined) return only(fulcioUrl);
  const what = 'certificate authority (`caUrls`)';
  const choice = choose(config?.ca, { kind: 'ANY' }, [1], now, what);
  if (choice.count > 0) return choice;
  throw badConfig(
    'The signing config names no certificate authority (`caUrls`), and keyless signing needs one; `fulcio-url:` is empty too.',
  );
}

function chooseLogs(
  config: SigningConfig | undefined,
  { rekorUrl, rekorVersion }: ServiceOverrides,
  versions: readonly RekorVersion[],
  now: Date,
): Choice {
  if (rekorUrl !== undefined) return only(rekorUrl, rekorVersion);
  const what = 'transparency log (`rekorTlogUrls`)';
  const wanted = config?.rekor.filter(({ majorApiVersion }) => majorApiVersion === rekorVersion);
  const isThere = wanted?.some((service) => isValidAt(service, now)) ?? true;
  if (rekorVersion !== undefined && !isThere) {
    throw new Failure(
      'bad-signing-config',
      `\`rekor-version: ${rekorVersion}\` asks for a Rekor v${rekorVersion}, and the signing config names none that is valid at ${now.toISOString()}.`,
      'Remove `rekor-version:` to use the log that the signing config names, or name one with `rekor-url:`.',
    );
  }
  const speaking = rekorVersion === undefined ? versions : [rekorVersion];
  return choose(config?.rekor, config?.rekorSelector, speaking, now, what);
}

/** None of none; otherwise as many as the selector says, or a failure. */
function choose(
  services: readonly Service[] | undefined,
  selector: Selector | undefined,
  versions: readonly number[],
  now: Date,
  what: string,
): Choice {
  if (services === undefined || services.length === 0 || selector === undefined) return nothing;
  const newestFirst = services
    .filter((service) => isValidAt(service, now))
    .toSorted(
      (a, b) =>
        (b.validFrom?.getTime() ?? Number.NEGATIVE_INFINITY) -
          (a.validFrom?.getTime() ?? Number.NEGATIVE_INFINITY) || 0,
    );
  const highest = versions
    .toSorted((a, b) => b - a)
    .find((version) => newestFirst.some((service) => service.majorApiVersion === version));
  const usable = newestFirst.filter((service) => service.majorApiVersion === highest);
  const isNewest = (service: Service, index: number) =>
    usable.findIndex(({ operator }) => operator === service.operator) === index;
  const perOperator = usable.filter(isNewest);
  if (perOperator.length === 0) {
    throw badConfig(
      `The signing config names no ${what} that is valid at ${now.toISOString()} and speaks an API that is needed here (major version ${versions.toSorted().join(' or ')}).`,
    );
  }
  const count = countOf(selector, perOperator.length);
  if (perOperator.length < count)
    throw badConfig(
      `The signing config wants EXACTly ${count} of its services, but there are ${perOperator.length} operators with a valid ${what}.`,
    );
  const older = usable.filter((service, index) => !isNewest(service, index));
  return { count, candidates: [...perOperator, ...older].map(candidate) };
}

function countOf(selector: Selector, operators: number): number {
  if (selector.kind === 'EXACT') return selector.count;
  return selector.kind === 'ALL' ? operators : 1;
}

function candidate({ url, majorApiVersion, operator }: Service): Candidate {
  return { url, version: majorApiVersion as RekorVersion, operator };
}

function isValidAt({ validFrom, validTo }: Service, now: Date): boolean {
  return (validFrom === undefined || validFrom <= now) && (validTo === undefined || now <= validTo);
}

/**
 * Services of the Linux Foundation's public Sigstore, production and staging: what they log, the
 * world can read.
 */
export function isPublicGood(url: URL): boolean {
  const host = url.hostname.replace(/\.$/, '');
  return ['sigstore.dev', 'sigstage.dev'].some(
    (domain) => host === domain || host.endsWith(`.${domain}`),
  );
}

/**
 * The addresses among the chosen ones that publish names: Fulcio (its CT log) and the logs, and
 * who may stand in for them; a timestamp authority sees a hash only.
 */
export function publicGoodServices(chosen: ChosenServices): readonly URL[] {
  const { fulcio, logs, standIns = {} } = chosen;
  const others = [...(standIns.fulcio ?? []), ...(standIns.logs ?? [])];
  const urls = [...logs, ...others].map(({ url }) => url);
  return [...(fulcio === undefined ? [] : [fulcio]), ...urls].filter(isPublicGood);
}
