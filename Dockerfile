# The service (default), its load (`--target traffic`), and what shows alerts and runbooks (`--target dashboards`). Versions and hashes come from requirements.lock.
FROM python:3.13.9-slim-bookworm AS python
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PATH=/opt/venv/bin:$PATH
WORKDIR /app

FROM python AS installer
RUN pip install --no-cache-dir uv==0.13.9 && uv venv /opt/venv
ENV UV_PYTHON=/opt/venv/bin/python UV_COMPILE_BYTECODE=1 UV_NO_CACHE=1
COPY pyproject.toml requirements.lock ./

FROM installer AS service-dependencies
RUN uv pip install -r pyproject.toml --constraint requirements.lock

FROM installer AS traffic-dependencies
RUN uv pip install -r pyproject.toml --extra traffic --constraint requirements.lock

FROM installer AS dashboards-dependencies
RUN uv pip install -r pyproject.toml --extra dashboards --constraint requirements.lock

FROM python AS dashboards
COPY --from=dashboards-dependencies /opt/venv /opt/venv
COPY observability/__init__.py observability/conventions.py observability/
COPY dashboards dashboards
USER 10001:10001
CMD ["python", "-m", "dashboards", "receive"]

FROM python AS traffic
COPY --from=traffic-dependencies /opt/venv /opt/venv
COPY dashboards/__init__.py dashboards/
COPY dashboards/traffic dashboards/traffic
COPY --chmod=755 dashboards/stack/with-secrets /usr/local/bin/
USER 10001:10001
ENTRYPOINT ["with-secrets"]
CMD ["python", "-m", "locust", "-f", "dashboards/traffic/locustfile.py", "--headless"]

FROM python AS service
# A volume that is mounted there first belongs to whoever owns this folder.
RUN install --directory --owner 10001 --group 10001 /secrets
COPY --from=service-dependencies /opt/venv /opt/venv
COPY observability observability
COPY service service
COPY --chmod=755 dashboards/stack/with-secrets dashboards/stack/make-secrets /usr/local/bin/
ARG REVISION=""
ENV HOST=0.0.0.0 REVISION=$REVISION
USER 10001:10001
EXPOSE 8000
ENTRYPOINT ["with-secrets"]
CMD ["python", "-m", "service", "api"]
HEALTHCHECK --interval=5s --timeout=3s --start-period=20s CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/readyz')"]
