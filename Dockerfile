# syntax=docker/dockerfile:1
# To pin by digest as well: --build-arg NODE_IMAGE=node:24.21.0-bookworm-slim@sha256:…
ARG NODE_IMAGE=node:24.21.0-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY scripts/build.mjs scripts/third-party.mjs scripts/
COPY src src
RUN npm run build

FROM ${NODE_IMAGE}
# git and ssh push, tini reaps their children and forwards signals. npm and yarn are not needed here.
# ssh refuses to run for a user without a name, hence the user.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates git openssh-client tini \
 && rm -rf /var/lib/apt/lists/* /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx \
      /usr/local/bin/corepack /usr/local/bin/yarn* /opt/yarn* \
 && useradd --uid 10001 --user-group --home-dir /home/mirror --create-home --shell /usr/sbin/nologin mirror \
 && install --directory --owner=mirror --group=mirror /data
WORKDIR /app
COPY package.json LICENSE ./
COPY config config
COPY --from=build /build/dist dist
RUN ln -s /app/dist/main.js /usr/local/bin/celigo-mirror

# By number: Kubernetes' runAsNonRoot cannot check a name.
USER 10001:10001
ENV NODE_ENV=production \
    HOME=/home/mirror \
    MIRROR_PATH=/data/mirror
# Besides /tmp, the only place that is written to: everything else can be read-only.
VOLUME /data
WORKDIR /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8080/healthz').then((a) => process.exit(a.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["tini", "--", "celigo-mirror"]
CMD ["daemon", "--listen", "0.0.0.0:8080"]
LABEL org.opencontainers.image.title="celigo-mirror" \
      org.opencontainers.image.description="Keeps a Git repository equal to a Celigo integrator.io account" \
      org.opencontainers.image.licenses="MIT"
