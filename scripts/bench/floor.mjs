// The floor: what a Node program cannot do without that does the same work. The same requests at the
// same depth, scrypt for the encrypted key, one signature for each thing signed, one check for each
// thing verified; no inputs, no checks of what is answered, no retries, no report. Node's own modules
// are asked for as the build does it. `node floor.mjs sign|step|verify`, see `floorCommand`.
const { env } = process;
const { createHash, createPrivateKey, scrypt, sign, verify } =
  process.getBuiltinModule('node:crypto');

// First, as it takes longest: what cosign's keys are encrypted with.
const stretched = Promise.withResolvers();
if (env.FLOOR_KEY !== undefined)
  scrypt(
    'bench-password',
    Buffer.alloc(32),
    32,
    { N: 65_536, r: 8, p: 1, maxmem: 2 ** 27 },
    stretched.resolve,
  );

const { Agent, request } = process.getBuiltinModule('node:http');
const agent = new Agent({ keepAlive: true, maxSockets: 64 });
const types = {
  bundle: 'application/vnd.dev.sigstore.bundle.v0.3+json',
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  payload: 'application/vnd.dev.cosign.simplesigning.v1+json',
  statement: 'application/vnd.in-toto+json',
};
const accepted = { accept: `${types.index}, ${types.manifest}` };
/** milliseconds between two looks at a tag that others may write (docs/lossless-writes.md) */
const pause = 150;

const images = (env.FLOOR_IMAGES ?? '').split('\n').map((reference) => {
  const [, host, port, repository, digest] = /^(.+?):(\d+)\/(.+)@(.+)$/.exec(reference) ?? [];
  return { host, port, repository, digest, tag: digest.replace(':', '-') };
});
const empty = blobOf(Buffer.from('{}'));
const work = { sign: signOne, step: wholeStep, verify: verifyOne }[process.argv[2]];
await Promise.all(images.map(work));
agent.destroy();

/** Bundle only, on a registry with the referrers API: 8 requests for the first image, then 5. */
async function signOne(image, index) {
  await Promise.all([
    ask(image, 'GET', `manifests/${image.digest}`),
    ask(image, 'GET', `referrers/${image.digest}`),
    index === 0 && ask(image, 'GET', `manifests/${image.tag}`),
  ]);
  const config = index === 0 && openUpload(image).then((upload) => upload(empty));
  const upload = await openUpload(image);
  await stretched.promise;
  const bundle = blobOf(signedBundle(image));
  await Promise.all([upload(bundle), config]);
  const manifest = referrerOf(image, bundle);
  await put(image, manifest.digest, manifest.bytes, types.manifest);
}

/** Both formats on a registry without the referrers API, read back: 24 requests. */
async function wholeStep(image) {
  await Promise.all([
    ask(image, 'GET', `manifests/${image.digest}`),
    ask(image, 'GET', `referrers/${image.digest}`),
    ask(image, 'GET', `manifests/${image.tag}`),
    ask(image, 'GET', `manifests/${image.tag}.sig`),
  ]);
  const uploads = await Promise.all(Array.from({ length: 4 }, () => openUpload(image)));
  const config = uploads[0](empty);
  await stretched.promise;
  await Promise.all([stepBundle(image, uploads[1], config), stepLegacy(image, uploads)]);
}

async function stepBundle(image, upload, config) {
  const bundle = blobOf(signedBundle(image));
  await Promise.all([upload(bundle), config]);
  const manifest = referrerOf(image, bundle);
  await Promise.all([
    put(image, manifest.digest, manifest.bytes, types.manifest),
    ask(image, 'GET', `manifests/${image.tag}`),
  ]);
  const index = { schemaVersion: 2, mediaType: types.index, manifests: [manifest.entry] };
  await put(image, image.tag, Buffer.from(JSON.stringify(index)), types.index);
  const readBack = async () => {
    await ask(image, 'GET', `manifests/${image.tag}`);
    const [, { body }] = await Promise.all([
      ask(image, 'GET', `manifests/${manifest.digest}`),
      ask(image, 'GET', `blobs/${bundle.digest}`),
    ]);
    checkBundle(body);
  };
  await Promise.all([readBack(), lookAgain(image, image.tag)]);
}

async function stepLegacy(image, uploads) {
  const payload = blobOf(Buffer.from(JSON.stringify({ critical: { image: image.digest } })));
  const config = blobOf(Buffer.from(JSON.stringify({ rootfs: { diff_ids: [payload.digest] } })));
  const signature = sign('sha256', payload.bytes, key()).toString('base64');
  const tag = `${image.tag}.sig`;
  await Promise.all([
    uploads[2](payload),
    uploads[3](config),
    ask(image, 'GET', `manifests/${tag}`),
  ]);
  const layer = {
    ...descriptor(types.payload, payload),
    annotations: { 'dev.cosignproject.cosign/signature': signature },
  };
  const manifest = {
    schemaVersion: 2,
    mediaType: types.manifest,
    config: descriptor('application/vnd.oci.image.config.v1+json', config),
    layers: [layer],
  };
  await put(image, tag, Buffer.from(JSON.stringify(manifest)), types.manifest);
  const readBack = async () => {
    await ask(image, 'GET', `manifests/${tag}`);
    const { body } = await ask(image, 'GET', `blobs/${payload.digest}`);
    if (!verify('sha256', body, env.FLOOR_PUBLIC_KEY, Buffer.from(signature, 'base64')))
      throw new Error('the legacy signature does not verify');
  };
  await Promise.all([readBack(), lookAgain(image, tag)]);
}

async function lookAgain(image, tag) {
  await new Promise((resolve) => setTimeout(resolve, pause));
  await ask(image, 'GET', `manifests/${tag}`);
}

/** Reads every signature there may be, and checks each: 4 requests, and 2 for each signature. */
async function verifyOne(image) {
  const both = [
    ask(image, 'GET', `referrers/${image.digest}`),
    ask(image, 'GET', `manifests/${image.tag}`),
  ];
  const others = [
    ask(image, 'GET', `manifests/${image.tag}.sig`),
    ask(image, 'HEAD', `manifests/${image.digest}`),
  ];
  const listed = (await Promise.all(both)).find(({ status }) => status === 200);
  const { manifests } = JSON.parse(listed.body);
  await Promise.all([
    ...others,
    ...manifests.map(async ({ digest }) => {
      const manifest = await ask(image, 'GET', `manifests/${digest}`);
      if (blobOf(manifest.body).digest !== digest) throw new Error(`not ${digest}`);
      const [layer] = JSON.parse(manifest.body).layers;
      checkBundle((await ask(image, 'GET', `blobs/${layer.digest}`)).body);
    }),
  ]);
}

/** PAE of DSSE: "DSSEv1", then type and body with their lengths. */
function encoded(statement) {
  const { length } = statement;
  const head = `DSSEv1 ${types.statement.length} ${types.statement} ${length} `;
  return Buffer.concat([Buffer.from(head), statement]);
}

function signedBundle({ digest }) {
  const statement = Buffer.from(
    JSON.stringify({
      _type: 'https://in-toto.io/Statement/v1',
      subject: [{ digest: { sha256: digest.slice('sha256:'.length) } }],
      predicateType: 'https://sigstore.dev/cosign/sign/v1',
      predicate: {},
    }),
  );
  const sig = sign('sha256', encoded(statement), key()).toString('base64');
  return Buffer.from(
    JSON.stringify({
      mediaType: types.bundle,
      verificationMaterial: { publicKey: { hint: '' } },
      dsseEnvelope: {
        payload: statement.toString('base64'),
        payloadType: types.statement,
        signatures: [{ sig }],
      },
    }),
  );
}

function checkBundle(body) {
  const { payload, signatures } = JSON.parse(body).dsseEnvelope;
  const signature = Buffer.from(signatures[0].sig, 'base64');
  const statement = Buffer.from(payload, 'base64');
  if (!verify('sha256', encoded(statement), env.FLOOR_PUBLIC_KEY, signature))
    throw new Error('a signature does not verify');
}

/** That of a plain key: to open a secret box of 200 bytes takes microseconds. */
function key() {
  key.opened ??= createPrivateKey(env.FLOOR_KEY);
  return key.opened;
}

function referrerOf(image, bundle) {
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: types.manifest,
      artifactType: types.bundle,
      config: descriptor('application/vnd.oci.empty.v1+json', empty),
      layers: [descriptor(types.bundle, bundle)],
      subject: { mediaType: types.manifest, digest: image.digest, size: 1 },
    }),
  );
  const { digest } = blobOf(bytes);
  return { bytes, digest, entry: { ...descriptor(types.manifest, { bytes, digest }) } };
}

function blobOf(bytes) {
  return { bytes, digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}` };
}

function descriptor(mediaType, { bytes, digest }) {
  return { mediaType, digest, size: bytes.length };
}

async function openUpload(image) {
  const { headers } = await ask(image, 'POST', 'blobs/uploads/');
  const place = new URL(headers.location, `http://${image.host}:${image.port}`);
  return async ({ bytes, digest }) => {
    place.searchParams.set('digest', digest);
    await ask(image, 'PUT', place, bytes, { 'content-type': 'application/octet-stream' });
  };
}

function put(image, reference, bytes, type) {
  return ask(image, 'PUT', `manifests/${reference}`, bytes, { 'content-type': type });
}

function ask({ host, port, repository }, method, place, bytes, headers = accepted) {
  const path = place instanceof URL ? place.pathname + place.search : `/v2/${repository}/${place}`;
  const length = bytes === undefined ? {} : { 'content-length': bytes.length };
  const { promise, resolve, reject } = Promise.withResolvers();
  const sent = request(
    { host, port, method, path, agent, headers: { ...headers, ...length } },
    (answer) => {
      const parts = [];
      answer.on('data', (part) => parts.push(part));
      answer.on('end', () => {
        const { statusCode: status } = answer;
        if (status >= 400 && !(method === 'GET' && status === 404))
          reject(new Error(`${method} ${path}: ${status} ${Buffer.concat(parts)}`));
        resolve({ status, headers: answer.headers, body: Buffer.concat(parts) });
      });
    },
  );
  sent.on('error', reject);
  sent.end(bytes);
  return promise;
}
