/** bytes that may have passed before their buffers are let go */
const every = 8 * 1024 * 1024;
let passed = 0;
let collect: (() => void) | undefined;

/**
 * Counts bytes that have passed through, and lets their buffers go from time to time. V8 sees only
 * the small objects that hold them, and would wait until a hundred megabytes are garbage: a layer of
 * a gigabyte must not need more memory than one of a megabyte. Young objects only, a millisecond.
 */
export function letGo(bytes: number): void {
  passed += bytes;
  if (passed < every) return;
  passed = 0;
  collect ??= collector();
  collect();
}

function collector(): () => void {
  try {
    // Asked for here only: loading them would make every start slower.
    const v8 = process.getBuiltinModule('node:v8');
    const vm = process.getBuiltinModule('node:vm');
    v8.setFlagsFromString('--expose-gc');
    const gc: unknown = vm.runInNewContext('gc');
    v8.setFlagsFromString('--no-expose-gc');
    if (typeof gc === 'function') return () => void gc({ type: 'minor' });
  } catch {
    // An engine that does not have it takes more memory, and that is all.
  }
  return () => {};
}
