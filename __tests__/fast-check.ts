// One seed for every property test, so that a change is judged by what it changes: `FC_SEED=$RANDOM npm test` looks elsewhere.
import fc from 'fast-check';

fc.configureGlobal({ seed: Number(process.env.FC_SEED ?? 20_261_120) });
