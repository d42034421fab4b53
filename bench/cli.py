"""How long the command line takes on top of its request: `daytona list` against `daytona-bench serve`.

python bench/cli.py daytona server.json

Every measurement is the best of several runs: on a busy machine the others measure its neighbours. The time of the
processor depends on them least.
"""

from __future__ import annotations

import http.client
import json
import os
import resource
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

PROGRAM = sys.argv[1]
SERVER = json.loads(Path(sys.argv[2]).read_text())
ROUNDS = 20
# From the start of the program to its end, without the request, in milliseconds.
TARGET = 15.0


def best(run: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """Milliseconds."""

    def once() -> float:
        started = clock()
        run()
        return (clock() - started) * 1000

    return min(once() for _ in range(ROUNDS))


def worked() -> float:
    """Seconds of the processor that programs took which have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def request(url: str) -> None:
    """The request alone, on a connection of its own."""
    place = urlsplit(url)
    if place.scheme == "https":
        context = ssl.create_default_context(cafile=SERVER["ca"])
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(place.netloc, context=context)
    else:
        connection = http.client.HTTPConnection(place.netloc)
    connection.request("GET", "/sandbox")
    json.load(connection.getresponse())
    connection.close()


def program(url: str) -> None:
    authorities = ssl.get_default_verify_paths().capath or "/etc/ssl/certs"
    environment = os.environ | {
        "DAYTONA_API_URL": url,
        "DAYTONA_API_KEY": "bench",
        "SSL_CERT_FILE": SERVER["ca"],
        "SSL_CERT_DIR": authorities,
    }
    subprocess.run([PROGRAM, "list"], check=True, stdout=subprocess.DEVNULL, env=environment)


def show(name: str, value: float) -> None:
    row = {"subject": "cli", "name": name, "value": value, "unit": "ms", "target": TARGET}
    print(json.dumps(row), flush=True)


def measure(name: str, url: str) -> None:
    show(f"{name}, without the request", best(lambda: program(url)) - best(lambda: request(url)))
    show(f"{name}, time of the processor", best(lambda: program(url), worked))


measure("daytona list", SERVER["http"])
measure("daytona list over TLS, with the system's certificates", SERVER["https"])
