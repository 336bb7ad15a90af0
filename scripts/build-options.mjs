/** What every file of dist/ is built with. */
export const buildOptions = {
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  minify: true,
  charset: 'ascii',
  legalComments: 'none',
  logLevel: 'warning',
};
