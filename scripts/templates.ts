// Writes the workflows of workflow-templates/: what the builder of the site makes, with the words
// of GitHub's templates. `npm run templates`; a test compares them.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { start } from '../site/builder/choices.ts';
import { completed } from '../site/builder/typed.ts';
import {
  gateWorkflow,
  namesOf,
  publishWorkflow,
  templateBranch,
} from '../site/builder/workflows.ts';

/** File name → text. */
export function templates(): Readonly<Record<string, string>> {
  const choices = (['keyless', 'key'] as const).map((signer) =>
    completed({ ...start, signer, branch: templateBranch }),
  );
  return Object.fromEntries(
    choices.flatMap((choice) => [
      [namesOf(choice).publish.file, publishWorkflow(choice)],
      [namesOf(choice).gate.file, gateWorkflow(choice)],
    ]),
  );
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  for (const [file, text] of Object.entries(templates()))
    writeFileSync(join(import.meta.dirname, '../workflow-templates', file), text);
