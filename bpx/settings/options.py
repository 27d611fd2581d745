"""The options of bpx, each declared once: flag, variable, config key, default and help."""

from dataclasses import dataclass
from types import MappingProxyType

from bpx.settings.kinds import (
    BOOL,
    CERTIFICATES,
    DURATION,
    FILE,
    NAMES,
    NETWORKS,
    ORIGINS,
    PORT,
    TEXT,
    VERBOSITY,
    Kind,
    Network,
    choice,
    is_local,
    part,
    url,
    urls,
    whole,
)
from bpx.settings.option import legacy, option
from bpx.settings.profiles import PROFILES

_LEVELS = choice(
    "trace", "debug", "info", "warn", "error", also=MappingProxyType({"warning": "warn"})
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The value of every option. A name ends in its unit."""

    host: str = option(
        "server.host",
        TEXT,
        "127.0.0.1",
        "Address to listen on. With 0.0.0.0 whoever reaches this host may use the proxy.",
    )
    port_spot: int = option(
        "server.port-spot",
        PORT,
        "8090",
        "Port of the spot market.",
        **legacy("BPX_PORT_SPOT", "-p", "--port-spot"),
    )
    port_futures: int = option(
        "server.port-futures",
        PORT,
        "8091",
        "Port of the futures market.",
        **legacy("BPX_PORT_FUTURES", "-t", "--port-futures"),
    )
    read_timeout_s: float = option(
        "server.read-timeout",
        DURATION,
        "30s",
        "Longest time for a request to arrive, from its first byte to the end of its body.",
    )
    write_timeout_s: float = option(
        "server.write-timeout",
        DURATION,
        "30s",
        "Longest time that we wait for a client to take an answer, in all.",
    )
    idle_timeout_s: float = option(
        "server.idle-timeout",
        DURATION,
        "60s",
        "How long a connection may stay open without a request.",
    )
    fast_lane_enabled: bool = option(
        "server.fast-lane",
        BOOL,
        "true",
        "Answer requests that are known byte for byte without parsing them again.",
    )
    shutdown_timeout_s: float = option(
        "server.shutdown-timeout",
        DURATION,
        "30s",
        "Longest time to finish the requests under way when told to stop.",
    )

    spot_requests_per_s: int = option(
        "ratelimit.spot-rps",
        whole(1, 10_000),
        "20",
        "Requests a second that go to the spot market over time.",
    )
    futures_requests_per_s: int = option(
        "ratelimit.futures-rps",
        whole(1, 10_000),
        "40",
        "Requests a second that go to the futures market over time.",
    )
    burst_multiplier: int = option(
        "ratelimit.burst-multiplier",
        whole(1, 1_000),
        "2",
        "A burst may have this many times 30 seconds' worth of requests.",
    )
    weight_share: float = option(
        "ratelimit.weight-share",
        part(0.01),
        "1",
        "Part of Binance's weight limit, and of these requests, that is this proxy's own: of N "
        "behind one address each has 1/N.",
    )

    metrics_enabled: bool = option(
        "features.enable-metrics",
        BOOL,
        "false",
        "Open the operators' port, with /metrics, /live, /ready and /health.",
    )
    metrics_port: int | None = option(
        "features.metrics-port",
        PORT,
        None,
        "The operators' port.",
        shown="8092; 8093 for futures alone",
    )
    pprof_enabled: bool = option(
        "features.enable-pprof",
        BOOL,
        "false",
        "Profiles of the running worker at /debug/pprof/ on the operators' port, which "
        "features.enable-metrics opens.",
    )
    memory_monitored: bool = option(
        "features.enable-memory-monitoring",
        BOOL,
        "false",
        "Watch memory for leaks, and tell at /memory on the operators' port, which "
        "features.enable-metrics opens.",
    )
    fake_candles_disabled: bool = option(
        "features.disable-fake-candles",
        BOOL,
        "false",
        "Never make the candle of an interval in which nothing was traded yet.",
        **legacy("BPX_DISABLE_FAKE_CANDLES", "-c", "--disable-fake-candles"),
    )

    close_wait_spot_s: float = option(
        "candles.close-wait-spot",
        DURATION,
        "800ms",
        "Longest wait for the final message of a spot candle before REST is asked.",
    )
    close_wait_futures_s: float = option(
        "candles.close-wait-futures",
        DURATION,
        "2500ms",
        "Longest wait for the final message of a futures candle before REST is asked.",
    )

    ticker_last_price: str = option(
        "ticker.last-price",
        choice("trade", "book"),
        "trade",
        "Where a ticker's lastPrice comes from: the last trade, or the book ticker.",
    )

    quiet_check_s: float = option(
        "freshness.quiet-check",
        DURATION,
        "10s",
        "A stream that is quiet for this long is checked by one REST call when somebody asks."
        " A book is checked after 4 s, once in a check interval.",
    )
    check_interval_s: float = option(
        "freshness.check-interval", DURATION, "60s", "Shortest time between two such checks."
    )
    kept_s: float = option(
        "freshness.kept",
        DURATION,
        "1s",
        "How long a reply of REST stands for itself while a stream is down.",
    )
    alive_s: float = option(
        "freshness.alive",
        DURATION,
        "5s",
        "A connection without a frame for this long is not taken to be alive.",
    )
    exchange_info_s: float = option(
        "freshness.exchange-info", DURATION, "60s", "How often exchangeInfo is fetched."
    )

    handshake_timeout_s: float = option(
        "websocket.handshake-timeout", DURATION, "30s", "Longest time to open a connection."
    )
    ping_interval_s: float = option(
        "websocket.ping-interval", DURATION, "30s", "How often a connection is pinged at least."
    )
    pong_timeout_s: float = option(
        "websocket.pong-timeout",
        DURATION,
        "60s",
        "A connection without a frame or an answered ping for this long is given up. Another is "
        "tried beside it after twice freshness.alive.",
    )
    reconnect_delay_s: float = option(
        "websocket.reconnect-delay", DURATION, "1s", "Longest wait before the first reconnect."
    )
    max_reconnect_delay_s: float = option(
        "websocket.max-reconnect-delay", DURATION, "300s", "Longest wait before any reconnect."
    )
    max_reconnects: int = option(
        "websocket.max-reconnects",
        whole(1, 1_000),
        "10",
        "Failures in a row after which the market is not ready; it goes on connecting, rarely.",
    )
    max_age_s: float = option(
        "websocket.max-age",
        DURATION,
        "23h",
        "A connection is replaced at nine to ten tenths of this age, without a gap. Binance ends "
        "it after 24 hours.",
    )
    health_check_enabled: bool = option(
        "websocket.enable-health-check",
        BOOL,
        "true",
        "Look at all streams from time to time, and repair those that are not as they should be.",
    )
    health_check_interval_s: float = option(
        "websocket.health-check-interval", DURATION, "30s", "How often they are looked at."
    )
    buffer_size: int = option(
        "websocket.buffer-size",
        whole(256, 1_048_576),
        "4096",
        "Bytes that are asked of a connection at once; of a message there may be 8 MB.",
    )
    compression_enabled: bool = option(
        "websocket.enable-compression",
        BOOL,
        "true",
        "Offer permessage-deflate: fewer bytes, more work.",
    )
    message_queue_size: int = option(
        "websocket.message-queue-size",
        whole(10, 1_000_000),
        "1000",
        "Messages of one stream that may wait; when more do, the stream starts afresh.",
    )

    spot_rest_urls: tuple[str, ...] = option(
        "upstream.spot-rest",
        urls("https", "http"),
        "https://api.binance.com",
        "REST API of the spot market; of several hosts, the first that works is asked.",
    )
    spot_stream_url: str = option(
        "upstream.spot-ws",
        url("wss", "ws"),
        "wss://stream.binance.com:9443",
        "Streams of the spot market.",
    )
    futures_rest_urls: tuple[str, ...] = option(
        "upstream.futures-rest",
        urls("https", "http"),
        "https://fapi.binance.com",
        "REST API of the futures market; of several hosts, the first that works is asked.",
    )
    futures_stream_url: str = option(
        "upstream.futures-ws",
        url("wss", "ws"),
        "wss://fstream.binance.com",
        "Streams of the futures market; /public and /market are added.",
    )
    ca_file: str = option(
        "upstream.ca-file",
        CERTIFICATES,
        "",
        "Certificates (PEM) to trust besides the usual ones, for an exchange of your own.",
    )

    keys_file: str = option(
        "security.keys-file",
        FILE,
        "",
        "File of the clients' keys, which bpx keys makes. Where there are keys, every request "
        "needs one. It is read again whenever it has changed.",
    )
    keys: str = option(
        "security.keys",
        Kind("what a file of keys has, with semicolons between", str, metavar="KEYS"),
        "",
        "Further keys: name, scopes and SHA-256, as in the file, with semicolons between.",
        is_secret=True,
    )
    client_requests_per_s: int = option(
        "security.client-rps",
        whole(0, 100_000),
        "0",
        "Requests a second that one client may make over time; 0 is no limit. A client is a key, "
        "else an address.",
    )
    client_burst: int = option(
        "security.client-burst",
        whole(1, 1_000_000),
        "100",
        "Requests that one client may make at once.",
    )
    client_weight: int = option(
        "security.client-weight",
        whole(0, 1_000_000),
        "0",
        "Weight that one client may spend in a minute, but for cancelling orders; 0 is no limit.",
    )
    client_feeds: int = option(
        "security.client-feeds",
        whole(1, 1_000_000),
        "1000",
        "Series, books and tickers that are begun to be followed for one client in a minute; "
        "what it asks beyond is forwarded.",
    )
    allowed_networks: tuple[Network, ...] = option(
        "security.allow",
        NETWORKS,
        "",
        "Networks whose machines may ask, on all ports.",
        shown="all",
    )
    denied_networks: tuple[Network, ...] = option(
        "security.deny",
        NETWORKS,
        "",
        "Networks whose machines may not, even if they are allowed.",
        shown="none",
    )
    proxy_hops: int = option(
        "security.proxy-hops",
        whole(0, 10),
        "0",
        "How many proxies of your own stand one behind the other between the clients and bpx: "
        "who a client is, is then read from X-Forwarded-For.",
    )
    proxy_networks: tuple[Network, ...] = option(
        "security.proxies",
        NETWORKS,
        "127.0.0.0/8,::1/128",
        "Networks that the last of these proxies is in; what others say of clients is not heard.",
    )
    hosts: tuple[str, ...] = option(
        "security.hosts",
        NAMES,
        "",
        "Names by which the proxy may be called, besides localhost and addresses. Of none, any "
        "will do, but not for the operators' pages.",
        shown="any",
    )
    cors_origins: tuple[str, ...] = option(
        "security.cors-origins",
        ORIGINS,
        "",
        "Sites whose pages may read answers in a browser.",
        shown="none",
    )
    paths: str = option(
        "security.paths",
        choice("all", "trading"),
        "all",
        "What is served: all of the market's host but for what moves assets out of an account, "
        "or only market data, accounts and orders.",
    )
    withdrawals_allowed: bool = option(
        "security.allow-withdrawals",
        BOOL,
        "false",
        "Serve withdrawals, transfers, and what manages sub-accounts and keys, too.",
    )
    audit_file: str = option(
        "security.audit-file",
        FILE,
        "",
        "File of what was refused, what operators did, and signed calls: lines of JSON. It is put "
        "aside and kept as the log's files are.",
    )
    open_allowed: bool = option(
        "security.allow-open",
        BOOL,
        "false",
        "In production, listen beyond this machine even without keys or security.allow.",
    )

    certificate_file: str = option(
        "tls.cert-file",
        CERTIFICATES,
        "",
        "Certificate (PEM, with those between it and the root); with it all ports speak TLS only.",
    )
    certificate_key_file: str = option(
        "tls.key-file", FILE, "", "Its private key (PEM, without a password)."
    )
    client_ca_file: str = option(
        "tls.client-ca-file",
        CERTIFICATES,
        "",
        "Certificates (PEM) of who signs those of clients; with it, every client needs one.",
    )

    max_retries: int = option(
        "recovery.max-retries",
        whole(0, 100),
        "3",
        "How often a question of the proxy's own is asked again within its 12 s. A client's read "
        "is tried again once at most, an order never once a byte of it went.",
    )
    base_delay_s: float = option(
        "recovery.base-delay", DURATION, "1s", "Longest wait before the first retry; it doubles."
    )
    max_delay_s: float = option(
        "recovery.max-delay", DURATION, "60s", "Longest wait before any retry."
    )
    circuit_breaker_enabled: bool = option(
        "recovery.enable-circuit-breaker",
        BOOL,
        "false",
        "Refuse calls at once, with 503, while a host fails: by host, and apart for public "
        "reads, signed reads and orders.",
    )
    failure_threshold: int = option(
        "recovery.failure-threshold",
        whole(1, 1_000),
        "5",
        "Failures of the last 20 calls and 10 s that open a breaker, if half of them failed.",
    )

    reply_ttl: str = option(
        "cache.reply-ttl",
        choice("on", "off"),
        "on",
        "Keep replies that no stream carries: tickers of all symbols for 1 s, fundingInfo for "
        "60 s.",
    )

    max_memory_mb: int = option(
        "memory.max-memory-mb",
        whole(32, 1_048_576),
        "512",
        "Before the worker has that much, caches give back what was asked for longest ago, and "
        "take nothing new.",
    )
    gc_target_percent: int = option(
        "memory.gc-target-percent",
        whole(10, 1_000),
        "100",
        "How much garbage may gather before it is looked for: less is less memory and more work. "
        "Only with memory.enable-optimization.",
    )
    memory_optimized: bool = option(
        "memory.enable-optimization",
        BOOL,
        "false",
        "Look for garbage as often as the load needs it, and not in what is there after a minute.",
    )
    pool_size: int = option(
        "memory.pool-size",
        whole(10, 10_000),
        "100",
        "Connections to Binance's REST API for reads of market data, kept for the next call; a "
        "tenth as many for signed reads, and for orders.",
    )
    copy_buffer_size: int = option(
        "memory.buffer-size",
        whole(512, 1_048_576),
        "4096",
        "Bytes that are asked of a client at once; of a reply of Binance 16 times as many.",
    )

    log_level: str = option(
        "logging.level",
        _LEVELS,
        "info",
        "What to log. -v means debug, -vv means trace.",
        **legacy("BPX_VERBOSE", kind=VERBOSITY),
    )
    log_format: str = option(
        "logging.format", choice("text", "json"), "text", "Lines of text, or of JSON."
    )
    log_output: str = option(
        "logging.output", FILE, "stdout", "Where to log: stdout, stderr, or a file."
    )
    structured_logs: bool = option(
        "logging.enable-structured",
        BOOL,
        "false",
        "End lines of text with their fields, as key=value. Lines of JSON have them anyway.",
    )
    log_max_size_mb: int = option(
        "logging.max-size-mb",
        whole(1, 100_000),
        "100",
        "Size at which a log file is put aside, as FILE.1 and so on.",
    )
    log_max_backups: int = option(
        "logging.max-backups", whole(0, 1_000), "5", "How many files that were put aside are kept."
    )
    log_max_age_days: int = option(
        "logging.max-age-days",
        whole(1, 10_000),
        "30",
        "How long they are kept, after their last line.",
    )
    log_compressed: bool = option(
        "logging.compress", BOOL, "true", "Compress them, all but the newest."
    )
    log_max_disk_mb: int = option(
        "logging.max-disk-mb",
        whole(1, 10_000_000),
        "1000",
        "What all files of the log may take together; the oldest go first.",
    )
    log_cleanup_interval_s: float = option(
        "logging.cleanup-interval", DURATION, "1h", "How often age and disk use are looked at."
    )
    log_rate_limited: bool = option(
        "logging.enable-rate-limit",
        BOOL,
        "false",
        "Leave out debug messages and traces that are too many; they are counted.",
    )
    log_rate_per_s: int = option(
        "logging.rate-limit",
        whole(1, 1_000_000),
        "100",
        "Debug messages and traces a second, over time.",
    )
    log_burst: int = option(
        "logging.burst-limit", whole(1, 1_000_000), "200", "Debug messages and traces at once."
    )
    log_sampled: bool = option(
        "logging.enable-sampling",
        BOOL,
        "true",
        "Of what is said more than 20 times in 10 s leave out most, and count it; errors never.",
    )

    spot_disabled: bool = option(
        "disable-spot", BOOL, "false", "Do not serve the spot market.", flags=("-s",)
    )
    futures_disabled: bool = option(
        "disable-futures", BOOL, "false", "Do not serve the futures market.", flags=("-f",)
    )
    forwards_shown: bool = option(
        "always-show-forwards",
        BOOL,
        "false",
        "Log every forwarded request, whatever the level.",
        flags=("-a",),
    )

    operator_networks: tuple[Network, ...] = option(
        "operator-networks",
        NETWORKS,
        "",
        "Networks whose machines may see all of the operators' pages, with commas between them, as "
        "10.0.0.0/8. The machine itself may, and everybody /metrics, /live, /ready and /health.",
        shown="none",
    )

    environment: str | None = option(
        "env",
        choice(*PROFILES),
        None,
        "A profile: other defaults. development: debug messages, every forwarded request, a log of "
        "50 MB and a day; testing: the same, without these requests and files put aside; "
        "production: JSON, a log of 500 MB and 7 days, metrics, breakers, less memory; staging: "
        "the same, with debug messages. bpx config show lists it all.",
        shown="none",
    )

    @property
    def has_keys(self) -> bool:
        """Whether clients need a key."""
        return bool(self.keys_file or self.keys)

    @property
    def is_open(self) -> bool:
        """Whether whoever reaches this machine may use the proxy."""
        return not (is_local(self.host) or self.has_keys or self.allowed_networks)

    def operators_port(self, application: str) -> int:
        """Return the operators' port of `spot`, `futures` or `both`."""
        return self.metrics_port or (8093 if application == "futures" else 8092)
