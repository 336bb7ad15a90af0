// Drives one verifying run through one fault.
import { startRegistry } from '../sandbox/registry.ts';
import {
  arm,
  budget,
  type Drive,
  type Driven,
  fill,
  type Ground,
  hang,
  optionsOf,
  ours,
  passing,
  repository,
  settingOf,
  templateOf,
  theirs,
} from './drive.ts';
import { verifyingRun } from './verifying-run.ts';

/** How many requests a verifying run without faults sends. */
export async function requestsOfVerifying(ground: Ground): Promise<number> {
  const template = await templateOf(ground);
  await using registry = await startRegistry(optionsOf(ground));
  fill(registry.store, template);
  await verifyingRun({
    host: registry.host,
    repository,
    images: [template.image],
    key: theirs,
    ...settingOf(ground),
  });
  return registry.requests.length;
}

/**
 * Verifies through the fault: by the key that signed, and by one that did not, which must be
 * refused whatever goes wrong.
 */
export async function driveVerifying(how: Drive): Promise<Driven> {
  const template = await templateOf(how.ground);
  await using registry = await startRegistry(optionsOf(how.ground));
  fill(registry.store, template);
  const setting = {
    host: registry.host,
    repository,
    images: [template.image],
    budget,
    ...settingOf(how.ground),
  };
  const reached = arm(registry, how);
  const start = performance.now();
  const [result] = await verifyingRun({ ...setting, key: theirs });
  const milliseconds = performance.now() - start;
  const outcome = !reached() ? 'not reached' : result?.verified ? 'verified' : 'failed';
  const [stranger] = how.forever ? [] : await verifyingRun({ ...setting, key: ours });
  const code = result?.code;
  const reason = result?.reason ?? '';
  // A registry that goes on saying that nothing is there says what one without signatures says; 403
  // is Artifactory's word for it, of manifests next to those that this login has read.
  const unsignedIsTrue = how.forever && (how.fault === '404' || how.fault === '403');
  const wrong = [
    ...(stranger?.verified ? ['verified by a key that did not sign'] : []),
    ...(outcome === 'failed' && ((code === 'unsigned' && !unsignedIsTrue) || code === undefined)
      ? [`an error that looks like no signature: ${code}: ${reason}`]
      : []),
    ...(outcome === 'failed' && reason.length < 20 ? [`says too little: ${code}: ${reason}`] : []),
    ...(outcome === 'failed' && !how.forever && passing.has(how.fault)
      ? [`gives up although it passes: ${code}: ${reason}`]
      : []),
    ...(milliseconds > hang ? [`took ${Math.round(milliseconds)} ms`] : []),
  ];
  return {
    drive: how,
    outcome,
    ...(code === undefined ? {} : { code, message: reason }),
    milliseconds,
    wrong,
  };
}
