/**
 * The numbers of a version, as tags have them: `v1.26.0`, `1.21`, `v1.26.0-rc.1`, `1.10-labs`.
 * @returns undefined for a tag that is no version: `latest`, `edge-26.6.3`, a commit
 */
export function versionOf(tag: string): readonly number[] | undefined {
  const found = /^v?(\d{1,6}(?:\.\d{1,6}){1,3})(?:[-_+].*)?$/.exec(tag);
  return found?.[1]?.split('.').map(Number);
}

/** True for a tag that is an earlier version; false where one of the two is none. */
export function isBefore(tag: string, since: string): boolean {
  const one = versionOf(tag);
  const other = versionOf(since);
  if (one === undefined || other === undefined) return false;
  for (let at = 0; at < other.length; at++) {
    const difference = (one[at] ?? other[at] ?? 0) - (other[at] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}
