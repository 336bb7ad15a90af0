import { type RepositoryName, registryHost } from '../image/reference.ts';
import { BlobStreams } from './blob-streams.ts';
import { Blobs } from './blobs.ts';
import { type Connection, connect, type RegistryOptions } from './connection.ts';
import { listReferrers } from './list-referrers.ts';
import { Manifests } from './manifests.ts';
import type { CopyRepository } from './repository.ts';

/**
 * The registries of a run. Repositories of one registry share its connections, its challenge and
 * its tokens, so call this once per run. Nothing is sent before a method of a repository is called.
 * @returns a function that answers the same Repository for the same name
 */
export function openRegistry(options: RegistryOptions): (name: RepositoryName) => CopyRepository {
  const connections = new Map<string, Connection>();
  const repositories = new Map<string, CopyRepository>();
  return (name) => {
    const key = `${name.registry}/${name.repository}`;
    const known = repositories.get(key);
    if (known !== undefined) return known;
    const host = registryHost(name);
    const connection = connections.get(host) ?? connect(name.registry, host, options);
    connections.set(host, connection);
    const repository = openRepository(name, connection);
    repositories.set(key, repository);
    return repository;
  };
}

function openRepository(name: RepositoryName, connection: Connection): CopyRepository {
  const manifests = new Manifests(connection, name.repository);
  const blobs = new Blobs(connection, name.repository);
  return {
    name,
    head: (reference) => manifests.head(reference),
    getManifest: (reference, maxBytes) => manifests.get(reference, maxBytes),
    getBlob: (digest, maxBytes) => blobs.get(digest, maxBytes),
    blobs: new BlobStreams(connection, name.repository),
    putBlob: (bytes) => blobs.put(bytes),
    putManifest: (...write) => manifests.put(...write),
    listReferrers: (digest) =>
      listReferrers(
        connection,
        name.repository,
        digest,
        async () => (await manifests.isReadable()) || (await manifests.head(digest)) !== undefined,
      ),
  };
}
