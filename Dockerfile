# The image of bpx. deploy/container/rootfs.py carries out the same steps without an engine.
ARG PYTHON=3.11-slim-bookworm

FROM python:${PYTHON} AS build
WORKDIR /build
COPY requirements.txt ./
# Pins with hashes. pip itself is not to be in the image.
RUN python -m venv --without-pip /opt/bpx \
    && pip --python /opt/bpx/bin/python install --no-cache-dir --require-hashes -r requirements.txt
COPY bpx /opt/bpx/app/bpx
COPY gunicorn.conf.py wsgi.py /opt/bpx/app/
# Compiled here, as the root of a container may be read-only. What names /build goes.
RUN python -m compileall -q /opt/bpx/app && find /opt/bpx/bin -type f -delete

FROM python:${PYTHON}
# curl is for the health checks of the specification's compose file.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends curl \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 1000 bpx \
    && useradd --uid 1000 --gid 1000 --no-create-home --home-dir /nonexistent bpx \
    && install -d -o bpx -g bpx /var/log/binance-proxy
COPY --from=build /opt/bpx /opt/bpx
# 0.0.0.0: of the container, whose ports its engine opens or not.
ENV BPX_SERVER_HOST=0.0.0.0 \
    PATH=/opt/bpx/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONPATH=/opt/bpx/app
WORKDIR /opt/bpx/app
USER 1000:1000
EXPOSE 8090 8091 8092
STOPSIGNAL SIGTERM
# 2, which health may end with, is no code for an engine.
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s --retries=3 \
    CMD ["sh", "-c", "python -m bpx health --ready || exit 1"]
ENTRYPOINT ["python", "-m", "bpx"]
