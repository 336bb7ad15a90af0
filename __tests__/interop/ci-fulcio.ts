// A second Fulcio beside the one of the stack, with the same authority and CT log, whose issuer is one
// of a CI system: the templates are those of Fulcio's own config/identity/config.yaml.
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { freePort, need } from './peers.ts';

export type CiSystem = 'gitlab-pipeline' | 'circleci-job' | 'buildkite-job';

const claim = (name: string) => `{{(index . "oidc.circleci.com/${name}")}}`;

const metadata: Readonly<Record<CiSystem, object>> = {
  'gitlab-pipeline': {
    'default-template-values': { url: 'https://gitlab.com', environment: '' },
    'extension-templates': {
      'build-signer-uri': 'https://{{ .ci_config_ref_uri }}',
      'build-signer-digest': 'ci_config_sha',
      'runner-environment': 'runner_environment',
      'source-repository-uri': '{{ .url }}/{{ .project_path }}',
      'source-repository-digest': 'sha',
      'source-repository-ref':
        'refs/{{if eq .ref_type "branch"}}heads/{{ else }}tags/{{end}}{{ .ref }}',
      'source-repository-identifier': 'project_id',
      'source-repository-owner-uri': '{{ .url }}/{{ .namespace_path }}',
      'source-repository-owner-identifier': 'namespace_id',
      'build-config-uri': 'https://{{ .ci_config_ref_uri }}',
      'build-config-digest': 'ci_config_sha',
      'build-trigger': 'pipeline_source',
      'run-invocation-uri': '{{ .url }}/{{ .project_path }}/-/jobs/{{ .job_id }}',
      'source-repository-visibility-at-signing': 'project_visibility',
      'deployment-environment': 'environment',
    },
    'subject-alternative-name-template': 'https://{{ .ci_config_ref_uri }}',
  },
  'circleci-job': {
    'default-template-values': {
      api_url: 'https://circleci.com/api/v2',
      platform_url: 'https://app.circleci.com/',
    },
    'extension-templates': {
      'build-config-uri': `{{.api_url}}/pipeline/${claim('pipeline-id')}/config`,
      'build-signer-uri': `{{.api_url}}/projects/${claim('project-id')}/pipeline-definitions/${claim('pipeline-definition-id')}`,
      'run-invocation-uri': `{{.platform_url}}/workflow/${claim('workflow-id')}/job/${claim('job-id')}`,
      'runner-environment':
        '{{if eq (index . "oidc.circleci.com/ssh-rerun") "true"}}ssh-rerun{{ else }}""{{end}}',
      'source-repository-ref': '{{index . "oidc.circleci.com/vcs-ref"}}',
      'source-repository-uri': '{{index . "oidc.circleci.com/vcs-origin"}}',
    },
    'subject-alternative-name-template': `{{.api_url}}/projects/${claim('project-id')}/pipeline-definitions/${claim('pipeline-definition-id')}`,
  },
  'buildkite-job': {
    'default-template-values': { url: 'https://buildkite.com' },
    'extension-templates': {
      'run-invocation-uri':
        '{{.url}}/{{.organization_slug}}/{{.pipeline_slug}}/builds/{{.build_number}}#{{.job_id}}',
      'runner-environment': 'runner_environment',
      'source-repository-digest': 'build_commit',
      'build-trigger': 'build_source',
    },
    'subject-alternative-name-template': '{{.url}}/{{.organization_slug}}/{{.pipeline_slug}}',
  },
};

export interface CiFulcio {
  readonly url: string;
  close(): Promise<void>;
}

/** Starts it. @param folder for its configuration */
export async function startCiFulcio(system: CiSystem, folder: string): Promise<CiFulcio> {
  const issuer = need('OIDC_URL');
  const config = join(folder, `${system}.yaml`);
  const entry = { 'issuer-url': issuer, 'client-id': 'sigstore', type: 'ci-provider' };
  // Not JSON: there Fulcio reads other names.
  writeFileSync(
    config,
    stringify({
      'oidc-issuers': { [issuer]: { ...entry, 'ci-provider': system } },
      'ci-issuer-metadata': { [system]: metadata[system] },
    }),
  );
  const [port, grpc] = [await freePort(), await freePort()];
  const changed: Readonly<Record<string, string>> = {
    '--port': String(port),
    '--grpc-port': String(grpc),
    '--legacy-unix-domain-socket': `@sign-image-interop-fulcio-${port}`,
    '--config-path': config,
  };
  const [program = '', ...args] = commandOfStack();
  const given = args.map((arg, index) => changed[args[index - 1] ?? ''] ?? arg);
  const child = spawn(program, given, { stdio: ['ignore', 'ignore', 'pipe'] });
  const url = `http://127.0.0.1:${port}`;
  await untilHealthy(url, child);
  return {
    url,
    close: () =>
      new Promise((resolve) => {
        child.on('close', () => resolve());
        child.kill();
      }),
  };
}

/** The command line of the stack's own Fulcio. */
function commandOfStack(): readonly string[] {
  const port = new URL(need('FULCIO_URL')).port;
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    let words: string[] = [];
    try {
      words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
    } catch {} // it has ended
    const isFulcio = /(^|\/)fulcio$/.test(words[0] ?? '');
    if (isFulcio && words[words.indexOf('--port') + 1] === port) return words;
  }
  throw new Error(`no Fulcio of this machine serves ${need('FULCIO_URL')}`);
}

async function untilHealthy(url: string, child: ChildProcess): Promise<void> {
  let said = '';
  child.stderr?.on('data', (data) => {
    said += data;
  });
  for (let tries = 0; tries < 200; tries++) {
    const answer = await fetch(`${url}/healthz`).catch(() => undefined);
    if (answer?.status === 200) return;
    if (child.exitCode !== null) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  child.kill();
  throw new Error(`Fulcio does not start: ${said.slice(-2000)}`);
}
