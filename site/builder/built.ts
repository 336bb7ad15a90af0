// Everything that the page shows for a choice.
import type { Choice } from './choices.ts';
import { preparations } from './logins.ts';
import { cosignText, policyFor, policyPath, verifyStep } from './policies.ts';
import { completed, type Mistakes, mistakesIn, trimmed } from './typed.ts';
import { gateWorkflow, namesOf, publishWorkflow } from './workflows.ts';

/** A text to copy: where it goes, what it is. */
export interface Piece {
  readonly id: string;
  readonly title: string;
  /** path in the repository; absent for what is pasted into something */
  readonly file?: string;
  readonly language: 'yaml' | 'json' | 'sh';
  readonly text: string;
}

/** What is missing, as a sentence. */
export interface Note {
  readonly id: string;
  readonly title: string;
  readonly reason: string;
}

export interface Built {
  readonly parts: readonly (Piece | Note)[];
  /** what has to be there before the first run */
  readonly before: readonly string[];
}

/**
 * The texts for a choice, or what has to be typed otherwise. What is typed stands in YAML and in
 * commands, so it is held against narrow patterns first.
 */
export function build(choice: Choice): Built | { readonly mistakes: Mistakes } {
  const mistakes = mistakesIn(trimmed(choice));
  if (Object.keys(mistakes).length > 0) return { mistakes };
  const whole = completed(choice);
  return {
    parts: [
      {
        id: 'workflow',
        title: 'Workflow',
        file: `.github/workflows/${namesOf(whole).publish.file}`,
        language: 'yaml',
        text: publishWorkflow(whole),
      },
      ...gateParts(whole),
      {
        id: 'step',
        title: 'A step that verifies, before a deployment',
        language: 'yaml',
        text: verifyStep(whole),
      },
      { id: 'cosign', title: 'The same with cosign', language: 'sh', text: cosignText(whole) },
      ...policyParts(whole),
    ],
    before: preparations(whole),
  };
}

function gateParts(choice: Choice): readonly (Piece | Note)[] {
  if (choice.gate === 'none') return [];
  const title = 'Gate of pull requests';
  const path = choice.gate === 'policies' ? policyPath(choice) : undefined;
  if (path !== undefined && 'reason' in path) return [{ id: 'gate', title, reason: path.reason }];
  return [
    {
      id: 'gate',
      title,
      file: `.github/workflows/${namesOf(choice).gate.file}`,
      language: 'yaml',
      text: gateWorkflow(choice, path?.path),
    },
  ];
}

function policyParts(choice: Choice): readonly (Piece | Note)[] {
  const policy = policyFor(choice);
  if ('reason' in policy) return [{ id: 'policy', title: 'Policy', reason: policy.reason }];
  const title = choice.cluster === 'none' ? 'Policy that the gate needs, of Kyverno' : 'Policy';
  return Object.entries(policy.files).map(([name, text], index) => ({
    id: `policy${index === 0 ? '' : `-${index + 1}`}`,
    title: index === 0 ? title : 'Where to look for signatures',
    file: `policies/${name}`,
    language: name.endsWith('.json') ? 'json' : 'yaml',
    text,
  }));
}
