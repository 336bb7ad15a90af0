import type { RekorVersion } from './rekor.ts';
import { badConfig, type Selector, type Service, type SigningConfig } from './signing-config.ts';

/** Addresses that replace a service of the signing config (inputs of the same names). */
export interface ServiceOverrides {
  readonly fulcioUrl?: URL;
  readonly rekorUrl?: URL;
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
 * first, at most one of each operator; then ANY (the newest), ALL, or EXACT n. A single address
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
  const fulcio = need.fulcio ? (overrides.fulcioUrl ?? chooseOne(config?.ca, now)) : undefined;
  return {
    ...(fulcio === undefined ? {} : { fulcio }),
    logs: need.log ? chooseLogs(config, overrides, need.rekorVersions ?? [2, 1], now) : [],
    timestamps:
      overrides.timestampUrl === undefined
        ? choose(config?.tsa, config?.tsaSelector, [1], now, 'timestamp authority (`tsaUrls`)').map(
            ({ url }) => url,
          )
        : [overrides.timestampUrl],
  };
}

function chooseOne(services: readonly Service[] | undefined, now: Date): URL {
  const [fulcio] = choose(services, { kind: 'ANY' }, [1], now, 'certificate authority (`caUrls`)');
  if (fulcio !== undefined) return fulcio.url;
  throw badConfig(
    'The signing config names no certificate authority (`caUrls`), and keyless signing needs one; `fulcio-url:` is empty too.',
  );
}

function chooseLogs(
  config: SigningConfig | undefined,
  { rekorUrl, rekorVersion }: ServiceOverrides,
  versions: readonly RekorVersion[],
  now: Date,
): readonly ChosenLog[] {
  if (rekorUrl !== undefined)
    return [{ url: rekorUrl, ...(rekorVersion === undefined ? {} : { version: rekorVersion }) }];
  const chosen = choose(
    config?.rekor,
    config?.rekorSelector,
    versions,
    now,
    'transparency log (`rekorTlogUrls`)',
  );
  return chosen.map(({ url, majorApiVersion }) => ({
    url,
    version: majorApiVersion as RekorVersion,
  }));
}

/** None of none; otherwise as many as the selector says, or a failure. */
function choose(
  services: readonly Service[] | undefined,
  selector: Selector | undefined,
  versions: readonly number[],
  now: Date,
  what: string,
): readonly Service[] {
  if (services === undefined || services.length === 0 || selector === undefined) return [];
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
  const candidates = newestFirst.filter((service) => service.majorApiVersion === highest);
  const perOperator = candidates.filter(
    (service, index) =>
      candidates.findIndex(({ operator }) => operator === service.operator) === index,
  );
  if (perOperator.length === 0) {
    throw badConfig(
      `The signing config names no ${what} that is valid at ${now.toISOString()} and speaks an API that is needed here (major version ${versions.toSorted().join(' or ')}).`,
    );
  }
  if (selector.kind === 'ALL') return perOperator;
  if (selector.kind === 'ANY') return perOperator.slice(0, 1);
  if (perOperator.length >= selector.count) return perOperator.slice(0, selector.count);
  throw badConfig(
    `The signing config wants EXACTly ${selector.count} of its services, but there are ${perOperator.length} operators with a valid ${what}.`,
  );
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
 * The addresses among the chosen ones that publish names: Fulcio (its CT log) and the logs; a
 * timestamp authority sees a hash only.
 */
export function publicGoodServices({ fulcio, logs }: ChosenServices): readonly URL[] {
  return [...(fulcio === undefined ? [] : [fulcio]), ...logs.map(({ url }) => url)].filter(
    isPublicGood,
  );
}
