// Loaded before a step (`--import`): the time of day begins at FIXED_DATE and goes on from there.
const offset = Date.parse(process.env.FIXED_DATE ?? '') - Date.now();
if (Number.isNaN(offset)) throw new Error('FIXED_DATE is not a date');

const Real = Date;
globalThis.Date = class extends Real {
  constructor(...parts) {
    if (parts.length === 0) super(Real.now() + offset);
    else super(...parts);
  }

  static now() {
    return Real.now() + offset;
  }
};
