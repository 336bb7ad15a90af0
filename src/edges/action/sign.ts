import { type Clock, systemClock } from '../../clock.ts';
import { type Network, openNetwork, openRegistries } from '../../engine/network.ts';
import type { SigningPlan } from '../../engine/sign-image.ts';
import { signImages } from '../../engine/sign-images.ts';
import {
  craftOf,
  formatsOf,
  noServices,
  openKey,
  type Services,
  type SigningCraft,
} from '../../engine/signer.ts';
import { asFailure } from '../../failure.ts';
import { readTargets, type Target } from '../../image/targets.ts';
import { secretForms } from '../../keys/mask.ts';
import type { ImageSigner } from '../../signature/signer.ts';
import { loginRegistry } from '../inputs/rules.ts';
import { readSignInputs, type SignInputs } from '../inputs/sign.ts';
import { type TagOnly, tagWarning } from '../report/image-words.ts';
import { combineAnnotations, githubAnnotations } from './github-annotations.ts';
import { createLog, type Log } from './log.ts';
import { createMasker, type Masker } from './masker.ts';
import { reportFailure, reportResults, type Setting, signedLine } from './report-sign.ts';

/** What a run has of the machine it is on. */
export interface Machine {
  readonly env: NodeJS.ProcessEnv;
  readonly log: Log;
  readonly masker: Masker;
  readonly clock: Clock;
  /** when the run began, by `clock.now()` */
  readonly started: number;
}

/**
 * The action sign-image, from inputs to outputs. Never throws.
 * @returns the exit code: 0 when everything was signed (and verified, where asked for), else 1; 128
 * and the signal's number for a cancelled job
 */
export async function runSign(env: NodeJS.ProcessEnv = process.env): Promise<number> {
  const machine = {
    env,
    log: createLog(),
    masker: createMasker(secretForms),
    clock: systemClock,
    started: systemClock.now(),
  };
  try {
    const inputs = readSignInputs(machine.masker);
    for (const warning of inputs.warnings) machine.log.warning(warning);
    const targets = readTargets(inputs);
    loginRegistry(inputs.registry, targets);
    const network = openNetwork(inputs.timeout, machine);
    try {
      return network.exitCode(await signTargets(targets, inputs, network, machine));
    } catch (caught) {
      return network.exitCode(reportFailure(asFailure(caught), machine));
    } finally {
      network.http.close();
    }
  } catch (caught) {
    return reportFailure(asFailure(caught), machine);
  }
}

async function signTargets(
  targets: readonly Target[],
  inputs: SignInputs,
  network: Network,
  machine: Machine,
): Promise<number> {
  const { env, log, masker } = machine;
  const annotations = combineAnnotations(
    inputs.annotations,
    inputs.githubAnnotations ? githubAnnotations(env) : {},
  );
  const { craft, services, publicKey } = await openSigner(inputs, annotations, network, machine);
  const plan = services.then((found) => planOf(inputs, annotations, found, log));
  plan.catch(() => {}); // told once the images have been looked up
  const registries = openRegistries(
    {
      inputs: inputs.registry,
      loginRegistry: loginRegistry(inputs.registry, targets),
      access: 'pull,push',
      env,
      masker,
      onNotice: log.notice,
    },
    network,
  );
  const tags: TagOnly[] = [];
  const tools = {
    ...craft,
    shelf: registries.store,
    open: registries.open,
    clock: network.clock,
    sleep: network.deadline.sleep,
    recursive: inputs.recursive,
    describedBy: 'bytes' as const,
    onTagOnly: (reference: string, digest: string) => void tags.push({ reference, digest }),
  };
  // All tags are resolved before the first image is done.
  const warn = () => {
    if (tags.length > 0) log.warning(tagWarning(tags.splice(0)));
  };
  const results = await signImages(targets, plan, tools, (result) => {
    warn();
    log.info(signedLine(result));
  }).finally(warn);
  const setting: Setting = { inputs, services: await services, ...(await publicKey()) };
  return reportResults(results, setting, machine);
}

/**
 * The signer, and the services it needs. What is slow (decrypting the key, the certificate) is
 * under way and not awaited here.
 */
async function openSigner(
  inputs: SignInputs,
  annotations: Readonly<Record<string, string>>,
  network: Network,
  { env, log, masker }: Machine,
): Promise<{
  craft: SigningCraft;
  services: Promise<Services>;
  publicKey: () => Promise<{ publicKey?: string }>;
}> {
  const key = inputs.key === undefined ? undefined : openKey(inputs, env, masker, network);
  key
    ?.then(({ warnings }) => warnings.forEach((warning) => void log.warning(warning)))
    .catch(() => {});
  const publicKey = async () => {
    const opened = await key?.catch(() => undefined);
    const found = await opened?.publicKey();
    return found === undefined
      ? {}
      : { publicKey: found.export({ type: 'spki', format: 'pem' }).toString() };
  };
  if (key !== undefined && !inputs.tlog && inputs.services.timestampUrl === undefined) {
    const services = Promise.resolve(noServices);
    return { craft: craftOf(key, services, annotations), services, publicKey };
  }
  const { openServices } = await import('../../engine/services.ts');
  const { services, signer } = await openServices(inputs, {
    env,
    log,
    masker,
    http: network.http,
    clock: network.clock,
    deadline: network.deadline,
  });
  return {
    craft: craftOf((key ?? signer) as Promise<ImageSigner>, services, annotations),
    services,
    publicKey,
  };
}

function planOf(
  inputs: SignInputs,
  annotations: Readonly<Record<string, string>>,
  services: Services,
  log: Log,
): SigningPlan {
  const { formats, notice } = formatsOf(inputs, services);
  if (notice !== undefined) log.notice(notice);
  const { skipExisting, verify } = inputs;
  const bundleOptional = inputs.format === 'auto' && formats.includes('legacy');
  return { formats, annotations, skipExisting, verify, bundleOptional };
}
