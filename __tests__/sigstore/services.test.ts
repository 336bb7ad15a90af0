import { startSigstore } from '../sandbox/sigstore/sigstore.ts';
import { describeServices } from './services.suite.ts';

describeServices('the sandbox', () => startSigstore());
