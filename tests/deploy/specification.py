"""What the specification's text says of containers, word for word, and as options."""

import shlex
from dataclasses import dataclass

# Its commands of `docker run`, in their order; the last three stand there twice.
DOCKER_RUN = {
    "simple": """\
docker run -d \\
  -p 8090:8090 \\
  -p 8091:8091 \\
  -p 8092:8092 \\
  -e BPX_LOG_LEVEL=info \\
  -e BPX_LOG_FORMAT=json \\
  -e BPX_FEAT_ENABLE_METRICS=true \\
  -e BPX_MEM_ENABLE_OPTIMIZATION=true \\
  -e BPX_MEM_MAX_MEMORY_MB=256 \\
  -e BPX_RECOVERY_ENABLE_CIRCUIT_BREAKER=true \\
  --memory=512m \\
  --restart=unless-stopped \\
  nightshift2k/binance-proxy:latest
""",
    "log volume": """\
docker run -d \\
  -p 9090:9090 \\
  -p 9091:9091 \\
  -p 9092:9092 \\
  -v /var/log/binance-proxy:/var/log/binance-proxy \\
  -e BPX_SERVER_PORT_SPOT=9090 \\
  -e BPX_SERVER_PORT_FUTURES=9091 \\
  -e BPX_FEAT_METRICS_PORT=9092 \\
  -e BPX_FEAT_ENABLE_METRICS=true \\
  -e BPX_LOG_OUTPUT=/var/log/binance-proxy/proxy.log \\
  -e BPX_LOG_MAX_SIZE_MB=50 \\
  -e BPX_LOG_MAX_BACKUPS=5 \\
  -e BPX_LOG_MAX_AGE_DAYS=7 \\
  -e BPX_LOG_COMPRESS=true \\
  -e BPX_LOG_MAX_DISK_MB=500 \\
  -e BPX_LOG_ENABLE_RATE_LIMIT=true \\
  --name binance-proxy-production \\
  --restart=unless-stopped \\
  nightshift2k/binance-proxy:latest
""",
    "custom ports": """\
docker run -d \\
  -p 9090:9090 \\
  -p 9091:9091 \\
  -p 9092:9092 \\
  -e BPX_SERVER_PORT_SPOT=9090 \\
  -e BPX_SERVER_PORT_FUTURES=9091 \\
  -e BPX_FEAT_METRICS_PORT=9092 \\
  -e BPX_FEAT_ENABLE_METRICS=true \\
  --name binance-proxy-custom-ports \\
  --restart=unless-stopped \\
  nightshift2k/binance-proxy:latest
""",
    "spot only": """\
docker run -d \\
  -p 7080:7080 \\
  -e BPX_SERVER_PORT_SPOT=7080 \\
  -e BPX_DISABLE_FUTURES=true \\
  -e BPX_FEAT_ENABLE_METRICS=false \\
  --name binance-proxy-spot-only \\
  --restart=unless-stopped \\
  nightshift2k/binance-proxy:latest
""",
    "host network": """\
docker run -d \\
  --network=host \\
  -e BPX_SERVER_PORT_SPOT=8080 \\
  -e BPX_SERVER_PORT_FUTURES=8081 \\
  -e BPX_FEAT_METRICS_PORT=8082 \\
  -e BPX_FEAT_ENABLE_METRICS=true \\
  --name binance-proxy-host-network \\
  --restart=unless-stopped \\
  nightshift2k/binance-proxy:latest
""",
}

# The options of its manifest for Kubernetes, and the memory that it gives them.
MANIFEST = {
    "BPX_LOG_LEVEL": "info",
    "BPX_LOG_FORMAT": "json",
    "BPX_LOG_ENABLE_STRUCTURED": "true",
    "BPX_FEAT_ENABLE_METRICS": "true",
    "BPX_FEAT_ENABLE_MEMORY_MONITORING": "true",
    "BPX_MEM_ENABLE_OPTIMIZATION": "true",
    "BPX_MEM_MAX_MEMORY_MB": "200",
    "BPX_MEM_GC_TARGET_PERCENT": "75",
    "BPX_RECOVERY_ENABLE_CIRCUIT_BREAKER": "true",
    "BPX_RECOVERY_MAX_RETRIES": "5",
    "BPX_RECOVERY_FAILURE_THRESHOLD": "10",
    "BPX_RATE_SPOT_RPS": "30",
    "BPX_RATE_FUTURES_RPS": "60",
}
MANIFEST_LIMIT_MB = 256


@dataclass(frozen=True)
class Run:
    """What a command of `docker run` asks for."""

    env: dict[str, str]
    ports: dict[int, int]  # of the host -> of the container
    volumes: dict[str, str]
    network: str | None

    def open_ports(self) -> list[int]:
        """Return the ports that are to answer."""
        if self.network == "host":
            return [int(text) for name, text in self.env.items() if "_PORT" in name]
        return list(self.ports.values())


def parsed(command: str) -> Run:
    """Read a command of `docker run`."""
    words = iter(shlex.split(command.replace("\\\n", " "))[2:])
    run = Run({}, {}, {}, "host" if "--network=host" in command else None)
    for word in words:
        if word == "-e":
            name, _, text = next(words).partition("=")
            run.env[name] = text
        elif word == "-p":
            ours, _, theirs = next(words).partition(":")
            run.ports[int(ours)] = int(theirs)
        elif word == "-v":
            ours, _, theirs = next(words).partition(":")
            run.volumes[ours] = theirs
    return run
