import type { Digest } from './digest.ts';

/** A repository of one registry, parsed. `registry` is the host (and port) that is contacted: Docker Hub is `index.docker.io` in names and `registry-1.docker.io` on the wire. */
export interface RepositoryName {
  /** host[:port] as it stands in a reference, e.g. `ghcr.io`, `docker.io`, `127.0.0.1:5000`, `[::1]:5000` */
  readonly registry: string;
  /** path, e.g. `acme/app`, `library/nginx` */
  readonly repository: string;
}

/** An image reference, parsed once: `registry/repository[:tag][@digest]`. */
export interface ImageReference extends RepositoryName {
  readonly tag?: string;
  readonly digest?: Digest;
}
