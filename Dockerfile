# The collector's image is the default target and has no torch in it; `--target trainer` is the one that answers for
# photos, and comes after it, so that a builder that goes through the stages in order need not make it first.
# docker-compose.yml says which command each service runs.
FROM python:3.11.14-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
# The dependencies change seldom: a layer of their own, in a folder that is copied whole.
COPY requirements.lock ./
RUN python -m venv /app && /app/bin/pip install --quiet --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE requirements-*.lock ./
COPY collector ./collector
COPY migrations ./migrations
RUN /app/bin/pip install --quiet --no-deps --no-build-isolation .

FROM python:3.11.14-slim-bookworm AS bare
RUN useradd --system --uid 10001 --no-create-home --home-dir /var/lib/paddock paddock \
    && install --directory --owner=paddock --mode=0700 /var/lib/paddock
ENV PATH=/app/bin:$PATH PYTHONUNBUFFERED=1 PADDOCK_HOME=/var/lib/paddock
WORKDIR /var/lib/paddock
# By number, so that an orchestrator can see that it is not root.
USER 10001
# No HEALTHCHECK: most commands end by themselves, and a worker's heartbeat is in the database.
CMD ["--help"]

FROM bare AS collector
COPY --from=build /app /app
USER 10001
ENTRYPOINT ["collector"]
CMD ["--help"]

FROM build AS build-trainer
RUN /app/bin/pip install --quiet --require-hashes --no-deps -r requirements-trainer.lock
# Not in the lock, as its build differs by machine: this index has the one for the CPU, a tenth as large as that of
# PyPI, which is for CUDA.
ARG TORCH=torch==2.13.0
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
RUN /app/bin/pip install --quiet --index-url "$TORCH_INDEX" "$TORCH"
COPY trainer ./trainer
RUN /app/bin/pip install --quiet --no-deps --no-build-isolation --force-reinstall .

FROM bare AS trainer
COPY --from=build-trainer /app /app
USER 10001
ENTRYPOINT ["trainer"]
CMD ["--help"]

# What is built where no target is named.
FROM collector AS default
