import * as core from '@actions/core';
import type { Masker } from '../../engine/world.ts';

/**
 * Every form in which a secret's text could be printed, each on a single line (for a key: its PEM
 * lines, and the PEM in one line).
 */
export type SecretForms = (text: string) => readonly string[];

/** A masker for the runner. `secretForms` is the one of keys/, passed in. */
export function createMasker(
  secretForms: SecretForms,
  setSecret: (text: string) => void = core.setSecret,
): Masker {
  const hidden = new Set<string>();
  const hide = (texts: Iterable<string>) => {
    for (const text of texts) {
      if (text.trim() === '' || hidden.has(text)) continue;
      hidden.add(text);
      setSecret(text);
    }
  };
  const maskKey = (text = '') => {
    if (mayBeKeyText(text))
      hide([
        ...linesOf(text).filter((line) => !/^-+(BEGIN|END) [^-]*-+$/.test(line)),
        ...secretForms(text),
      ]);
  };
  return {
    mask: (secret = '') => hide(linesOf(secret)),
    maskKey,
    maskPrivateKey: (text = '') => {
      if (!/^\s*-----BEGIN (RSA )?PUBLIC KEY-----/.test(text) || text.includes('PRIVATE'))
        maskKey(text);
    },
    maskBasic: (username = '', password = '') => {
      if (password !== '') hide([Buffer.from(`${username}:${password}`).toString('base64')]);
    },
  };
}

function linesOf(text: string): readonly string[] {
  return text.split(/\r\n|\n|\r/).flatMap((line) => [line, line.trim()]);
}

/**
 * Anything but a plain path or an address such as `env://NAME` or `awskms://…`: those are no
 * secrets, and hiding them would hide the log.
 */
function mayBeKeyText(text: string): boolean {
  const plain = /^[a-z][a-z0-9+.-]*:\/\/\S+$/i.test(text) || /^[\w ./\\:~@-]{1,200}$/.test(text);
  return text !== '' && !(plain && !/BEGIN|^LS0tLS1/.test(text));
}
