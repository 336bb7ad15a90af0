/**
 * The first thing that runs of an action, before anything that a Node below 24 does not have; in
 * syntax that all of them read. GitHub's runner knows by `using: node24` which Node to start. Other
 * runners start the one they have, and what failed then would say nothing to a person.
 *
 * The build writes the text of this function in front of dist/NAME.js, so it uses nothing but
 * `process` and `console`.
 */
export function refuseOldNode() {
  const version = process.versions.node;
  if (Number(version.split('.')[0]) >= 24) return;
  console.log(
    `::error title=sign-image%3A old-node::old-node: sign-image runs on Node 24, and this runner has started it with Node ${version}: use runner 2.327.1 or later, or on act, Gitea and Forgejo an image that has Node 24.`,
  );
  process.exit(1);
}

/** The same for the command, which people start with the Node that they have. */
export function refuseOldNodeOfCommand() {
  const version = process.versions.node;
  if (Number(version.split('.')[0]) >= 24) return;
  console.error(`error: old-node: sign-image needs Node 24, and this is Node ${version}.`);
  process.exit(1);
}
