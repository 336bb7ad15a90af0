# syntax=docker/dockerfile:1
# The command in a container, for CI systems whose jobs run in images (GitLab, Jenkins, Buildkite). The release builds it
# from the tag, for amd64 and arm64, and signs it with this repository's own action.
#
# The base is named by its tag, so that a rebuild takes the fixes of Node and Alpine; what was released is found by the
# digest and the signature of the image. Alpine, because these systems start a shell in the image.
FROM node:24-alpine

LABEL org.opencontainers.image.title="sign-image" \
      org.opencontainers.image.description="Signs container images and verifies them." \
      org.opencontainers.image.licenses="Apache-2.0"

COPY package.json LICENSE /opt/sign-image/
COPY dist/package.json dist/LICENSES.txt /opt/sign-image/dist/
COPY dist/cli /opt/sign-image/dist/cli
COPY --chmod=755 dist/cli.js /opt/sign-image/dist/cli.js
# No program runs while the image is built, so every platform is built on any machine.
COPY --chmod=755 <<'SCRIPT' /usr/local/bin/sign-image
#!/bin/sh
exec node /opt/sign-image/dist/cli.js "$@"
SCRIPT

USER node
WORKDIR /work
ENTRYPOINT ["sign-image"]
CMD ["--help"]
