import{n as e,r as t}from"../cli.js";const n={sign:`sign-image sign: sign what was pushed, read the signatures back and verify them

Usage: sign-image sign --images REFERENCE [--key env://NAME] [--FLAG VALUE …]

Without --key the identity of the job signs (keyless). It is found on GitHub Actions, GitLab (variable
SIGSTORE_ID_TOKEN), CircleCI, Buildkite, Google Cloud and in Kubernetes.`,attest:`sign-image attest: attach a signed statement, read it back and verify it

Usage: sign-image attest --images REFERENCE --sbom-path FILE [--key env://NAME] [--FLAG VALUE …]
       sign-image attest --images REFERENCE --predicate-type URI --predicate FILE [--FLAG VALUE …]

Without --key the identity of the job signs (keyless).`,verify:`sign-image verify: are these images signed by whom we trust?

Usage: sign-image verify --images REFERENCE --key cosign.pub
       sign-image verify --images REFERENCE --certificate-identity IDENTITY --certificate-oidc-issuer URL
       sign-image verify --files 'deploy/**/*.yaml' --policy policy.yaml`,signers:`sign-image signers: who is known to sign the images of well-known publishers

Usage: sign-image signers
       sign-image signers check

\`check\` verifies one image of each publisher, and ends with 1 where one has changed how it signs.`,promote:`sign-image promote: verify an image, copy it with its signatures, verify it there, move the tag

Usage: sign-image promote --images REFERENCE --to REGISTRY/REPOSITORY[:TAG] --key cosign.pub
       sign-image promote --images REFERENCE --to REGISTRY/PREFIX/ --certificate-identity IDENTITY`,inventory:`sign-image inventory: what is signed in a repository, by whom; sign again, remove what is orphaned

Usage: sign-image inventory REGISTRY/REPOSITORY [--key cosign.pub] [--FLAG VALUE …]
       sign-image inventory REGISTRY/REPOSITORY --key old.pub --resign-with new.key --dry-run=false
       sign-image inventory REGISTRY/REPOSITORY --prune --dry-run=false

Nothing is written or removed without --dry-run=false.`,policy:`sign-image policy: say an admission policy in the words of another cluster

Usage: sign-image policy --to ivp|cip|openshift|policy-json FILE …

Reads policies as the gate does, and prints one of the other kind on stdout: an ImageValidatingPolicy
of Kyverno (ivp), a ClusterImagePolicy of sigstore (cip) or OpenShift, or a policy.json of podman. What
cannot be said there is told, and left out; then it ends with 1.`,keygen:`sign-image keygen: make a key pair, in files or in the secrets of GitHub

Usage: sign-image keygen
       sign-image keygen --repository OWNER/NAME --github-token env://NAME`};function helpText(e,t){if(e===void 0)return`sign-image signs container images and verifies them. It needs no other program.

Usage: sign-image COMMAND [--FLAG VALUE …]

Commands
  sign      sign what was pushed, read the signatures back and verify them
  attest    attach a signed statement: an SBOM, provenance, a scan result
  verify    are these images signed by whom we trust?
  signers   who is known to sign the images of well-known publishers
  promote   verify an image, copy it with its signatures, verify it there, move the tag
  inventory what is signed in a repository, by whom; sign again, remove what is orphaned
  policy    say an admission policy in the words of another cluster
  keygen    make a key pair, in files or in the secrets of GitHub

\`sign-image COMMAND --help\` lists the flags. A secret is never an argument: write env://NAME for the
variable NAME, or the path of a file.

Exit codes
  0  done, and verified
  1  not
  2  wrong use: an unknown flag, a bad value

Examples
  sign-image keygen
  sign-image sign --images registry.example.com/app@sha256:… --key env://COSIGN_PRIVATE_KEY
  sign-image attest --images registry.example.com/app@sha256:… --sbom-path sbom.json --key cosign.key
  sign-image verify --images registry.example.com/app@sha256:… --key cosign.pub
`;let r=groupsOf(e,t).map(e=>`${e.title}\n${e.flags.map(flagLine).join(`
`)}`);return`${[n[e],...r,`A list flag may be given again. A switch is turned off by --FLAG=false. A secret (env://NAME|FILE)
is never an argument itself.`].join(`

`)}\n`}function groupsOf(n,{flagsOf:r,commonFlags:i}){let a=new Map(r(n)),take=e=>{let t=a.get(e);return a.delete(e),t??[]},o=i.flatMap(({name:e})=>take(e));return[...[...e[n].map(([e,t])=>({title:e,flags:t.flatMap(take)})),{title:t[n],flags:[...a.values()]}].filter(e=>e.flags.length>0),{title:`Every command`,flags:o}]}function flagLine({name:e,value:t,help:n,secret:r}){let i=`  --${e}${t===void 0?``:` ${t}`}`,a=r?.variable===void 0?``:` (variable ${r.variable})`,[o=``,...s]=wrapped(`${n()}${a}`,62);return[`${i.length<34?i.padEnd(34):`${i}\n${` `.repeat(34)}`}${o}`,...s.map(e=>` `.repeat(34)+e)].join(`
`)}function wrapped(e,t){let n=[];for(let r of e.split(` `)){let e=n.at(-1);e===void 0||e.length+r.length>=t?n.push(r):n[n.length-1]=`${e} ${r}`}return n}export{helpText};