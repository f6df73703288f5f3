# Varve as a container that does what its configuration has due: mount the configuration at /etc/varve, what is to be
# backed up below /data, and volumes at /var/lib/varve and /var/cache/varve, so that the client remembers what it has verified.
#
#   docker build -t varve .
#   docker run -d --name varve -v /etc/varve:/etc/varve:ro -v /srv:/data/srv:ro \
#     -v varve-state:/var/lib/varve -v varve-cache:/var/cache/varve varve
FROM swift:6.3-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends \
    libzstd-dev libssl-dev libsqlite3-dev libyaml-dev zlib1g-dev pkg-config \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY Package.swift ./
COPY Sources Sources
COPY Tests Tests
RUN swift build -c release -debug-info-format none --product varve && strip .build/release/varve

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends \
    libzstd1 libssl3 libsqlite3-0 libyaml-0-2 zlib1g ca-certificates openssh-client tini tzdata \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /source/.build/release/varve /usr/bin/varve
ENV XDG_STATE_HOME=/var/lib XDG_CACHE_HOME=/var/cache
VOLUME ["/var/lib/varve", "/var/cache/varve"]
# The first process of a container has to reap what others leave.
ENTRYPOINT ["/usr/bin/tini", "--", "/usr/bin/varve"]
CMD ["daemon", "--config", "/etc/varve/varve.yaml"]
