import { describeKeyless } from '../sign-action/keyless.suite.ts';
import { realWorld } from '../sign-action/keyless-world.ts';

describeKeyless('a real Sigstore', realWorld);
