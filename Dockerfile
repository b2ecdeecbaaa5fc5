# Two stages: the first builds the locked environment, the second only runs it.
FROM python:3.11-slim AS build
ENV UV_PROJECT_ENVIRONMENT=/app UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy
WORKDIR /src
COPY pyproject.toml uv.lock README.md LICENSE ./
RUN python3 -m venv /tmp/uv && /tmp/uv/bin/pip install --no-cache-dir uv==0.13.8
# Dependencies first: this layer stays while only our own code changes.
RUN /tmp/uv/bin/uv sync --frozen --no-dev --no-install-project --extra postgres
COPY monitor monitor
COPY models models
COPY config config
RUN /tmp/uv/bin/uv sync --frozen --no-dev --no-editable --extra postgres

FROM python:3.11-slim
RUN groupadd --gid 10001 monitor \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin monitor \
    && install --directory --owner=10001 --group=10001 /data
COPY --from=build /app /app
ENV PATH=/app/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    MONITOR_CONFIG=/data/monitor.toml
USER 10001:10001
WORKDIR /data
VOLUME /data
# Needs [web] bind = "127.0.0.1:8080" in the configuration; nothing is published.
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python3", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/healthz', timeout=4)"]
ENTRYPOINT ["monitor"]
CMD ["run"]
