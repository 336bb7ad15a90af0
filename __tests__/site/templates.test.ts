// The templates are what the builder makes for GitHub's registry: `npm run templates` writes them.
import { expect, it } from 'vitest';
import { templates } from '../../scripts/templates.ts';
import { filesIn, read } from '../examples/workflow-file.ts';

it.each(Object.entries(templates()))(
  'workflow-templates/%s is what the builder makes',
  (file, text) => {
    expect(read(`workflow-templates/${file}`)).toBe(text);
  },
);

it('the builder makes all of them', () =>
  expect(
    Object.keys(templates())
      .map((file) => `workflow-templates/${file}`)
      .sort(),
  ).toEqual(filesIn('workflow-templates')));
