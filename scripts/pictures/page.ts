/**
 * Markdown of a job summary or a comment as a page that looks about as GitHub shows it. Only what
 * our reports are made of: headings, and HTML blocks.
 */
export function pageOf(markdown: string): string {
  const blocks = markdown.split(/\n{2,}/).map((block) => {
    const [, marks, title] = /^(#{2,3}) (.*)$/.exec(block) ?? [];
    if (marks !== undefined) return `<h${marks.length}>${title}</h${marks.length}>`;
    return block.startsWith('<') ? block : `<p>${block}</p>`;
  });
  return `<!doctype html><meta charset="utf-8"><meta name="color-scheme" content="light dark">
<meta name="viewport" content="width=device-width"><style>${style}</style>
<article>${blocks.join('\n')}</article>`;
}

const style = `
:root {
  --ground: #ffffff; --text: #1f2328; --quiet: #59636e; --line: #d1d9e0; --link: #0969da;
  --code: #eff1f3; --block: #f6f8fa;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #0d1117; --text: #f0f6fc; --quiet: #9198a1; --line: #3d444d; --link: #4493f8;
    --code: #262c36; --block: #151b23;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text);
  font: 16px/1.5 'Noto Sans', 'Liberation Sans', Helvetica, Arial, sans-serif, 'Noto Color Emoji'; }
article { padding: 24px 32px; overflow-wrap: break-word; }
@media (max-width: 500px) { article { padding: 16px; } }
h2, h3 { margin: 0 0 16px; font-weight: 600; line-height: 1.25; }
h2 { font-size: 24px; padding-bottom: 7px; border-bottom: 1px solid var(--line); }
h3 { font-size: 20px; }
p, blockquote, pre, details { margin: 0 0 16px; }
article > :last-child { margin-bottom: 0; }
a { color: var(--link); text-decoration: underline; }
b { font-weight: 600; }
code, pre { font-family: 'Liberation Mono', 'DejaVu Sans Mono', monospace; font-size: 13.6px; }
code { padding: 3px 6px; background: var(--code); border-radius: 6px; white-space: break-spaces; }
pre { padding: 16px; background: var(--block); border-radius: 6px; overflow: auto; line-height: 1.45; }
blockquote { padding: 0 16px; color: var(--quiet); border-left: 4px solid var(--line); }
blockquote pre { margin: 8px 0; color: var(--text); }
details > :not(summary) { margin-top: 12px; }
`;
