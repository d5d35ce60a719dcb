# One image for every service; docker-compose.yml says which command each one runs.
FROM python:3.11.14-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
# The dependencies change seldom: a layer of their own, in a folder that is copied whole.
COPY requirements.lock ./
RUN python -m venv /app && /app/bin/pip install --quiet --require-hashes -r requirements.lock
COPY pyproject.toml README.md ./
COPY collector ./collector
COPY migrations ./migrations
RUN /app/bin/pip install --quiet --no-deps --no-build-isolation .

FROM python:3.11.14-slim-bookworm
RUN useradd --system --uid 10001 --no-create-home --home-dir /var/lib/paddock paddock \
    && install --directory --owner=paddock --mode=0700 /var/lib/paddock
COPY --from=build /app /app
ENV PATH=/app/bin:$PATH PYTHONUNBUFFERED=1 PADDOCK_HOME=/var/lib/paddock
WORKDIR /var/lib/paddock
# By number, so that an orchestrator can see that it is not root.
USER 10001
# No HEALTHCHECK: most commands end by themselves, and a worker's heartbeat is in the database.
ENTRYPOINT ["collector"]
CMD ["--help"]
