// V8 sees the small objects that hold large buffers and texts, and would wait until hundreds of
// megabytes are garbage.

/** bytes that may have passed before their buffers are let go */
const every = 8 * 1024 * 1024;
let passed = 0;
let collect: ReturnType<typeof collector> | undefined;

/**
 * Counts bytes that have passed through, and lets their buffers go from time to time: a layer of a
 * gigabyte must not need more memory than one of a megabyte. Young objects only, a millisecond.
 */
export function letGo(bytes: number): void {
  passed += bytes;
  if (passed < every) return;
  passed = 0;
  collect ??= collector();
  collect('minor');
}

/** bytes of one document from which on what is left of it is worth some milliseconds */
const large = 2 * 1024 * 1024;

/** Lets go what is left of work on a document of so many bytes, if that is much. */
export function letGoLarge(bytes: number): void {
  if (bytes < large) return;
  collect ??= collector();
  collect('major');
}

function collector(): (type: 'minor' | 'major') => void {
  try {
    // Asked for here only: loading them would make every start slower.
    const v8 = process.getBuiltinModule('node:v8');
    const vm = process.getBuiltinModule('node:vm');
    v8.setFlagsFromString('--expose-gc');
    const gc: unknown = vm.runInNewContext('gc');
    v8.setFlagsFromString('--no-expose-gc');
    if (typeof gc === 'function') return (type) => void gc({ type });
  } catch {
    // An engine that does not have it takes more memory, and that is all.
  }
  return () => {};
}
