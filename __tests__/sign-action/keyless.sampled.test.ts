import { describeKeyless } from './keyless.suite.ts';
import { sandboxWorld } from './keyless-world.ts';

describeKeyless('the sandbox', sandboxWorld);
