import { describeServices } from '../sigstore/services.suite.ts';
import { realSigstore } from '../sigstore/world.ts';

describeServices('a real Sigstore', realSigstore);
