# syntax=docker/dockerfile:1
# Two images: `runtime` (worker, notifier, API; the default) and `mlflow` (the registry's server).

FROM python:3.11-slim AS base
ENV PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
# --no-deps: the lock files name all that is needed, without what deploy/unused.txt lists.

FROM base AS runtime-packages
COPY deploy/serving.lock /tmp/packages.lock
RUN pip install --no-deps --require-hashes --requirement /tmp/packages.lock

FROM base AS mlflow-packages
COPY deploy/mlflow.lock /tmp/packages.lock
RUN pip install --no-deps --require-hashes --requirement /tmp/packages.lock

# What draws the pages' charts; version and digest are in the lock file.
FROM node:22-slim AS charts
WORKDIR /charts
COPY dashboard/package.json dashboard/package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund

FROM python:3.11-slim AS mlflow
COPY --from=mlflow-packages /opt/venv /opt/venv
RUN useradd --uid 10001 --create-home buzzwatch && install --directory --owner buzzwatch /data
USER buzzwatch
ENV PATH=/opt/venv/bin:$PATH MLFLOW_DISABLE_TELEMETRY=true DO_NOT_TRACK=true MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false
VOLUME /data
EXPOSE 5000
# One worker: SQLite has one writer.
ENTRYPOINT ["mlflow", "server", "--host", "0.0.0.0", "--port", "5000", "--workers", "1", \
  "--backend-store-uri", "sqlite:////data/mlflow.db", "--artifacts-destination", "/data/artifacts"]
CMD ["--allowed-hosts", "localhost:5000,127.0.0.1:5000"]

FROM python:3.11-slim AS runtime
COPY --from=runtime-packages /opt/venv /opt/venv
WORKDIR /app
COPY pyproject.toml LICENSE ./
COPY contracts contracts
COPY models models
COPY alerts alerts
COPY training training
COPY stream stream
COPY learning learning
COPY api api
COPY dashboard dashboard
COPY --from=charts /charts/node_modules/uplot/dist/uPlot.iife.min.js /charts/node_modules/uplot/dist/uPlot.min.css \
  dashboard/static/vendor/
COPY local local
COPY demo demo
COPY cli cli
COPY bootstrap bootstrap
COPY deploy/entrypoint /usr/local/bin/buzzwatch
# Byte code, which a container may not write: without it each start would compile a thousand files, half a second.
RUN useradd --uid 10001 --create-home buzzwatch && install --directory --owner buzzwatch /data \
  && chmod 755 /usr/local/bin/buzzwatch && python -m compileall -q /app
USER buzzwatch
# Compiled code is kept beside the data: the image's own folders are not this user's.
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONPATH=/app PYTHONDONTWRITEBYTECODE=1 \
  NUMBA_CACHE_DIR=/data/numba BUZZWATCH_LOCAL__DATA_DIR=/data
# A first container finds the scoring path compiled: Docker fills a new volume with what lies here. Where a folder is
# mounted instead (Kubernetes), it is copied from /opt/numba. Machine code is per processor: on another kind it is made anew.
RUN python -m bootstrap.compile
USER root
RUN cp -a /data/numba /opt/numba
USER buzzwatch
VOLUME /data
EXPOSE 8000 6065 6066
CMD ["buzzwatch", "--help"]
