"""The archive that the benchmarks measure against: `testcard-sim serve` in a process of its own,
and what it says that it sent. Never talks to archive.org, and needs nothing but Python's own
library.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = Path(__file__).resolve().parents[2] / "target" / "release"
TESTCARD = PROGRAMS / "testcard"
TESTCARD_SIM = PROGRAMS / "testcard-sim"

# `at role method target range → status, sent bytes`, as `serve --log` writes it.
LOG_LINE = re.compile(
    r"^ *(?P<at>[\d.]+) (?P<role>front |node \d) (?P<method>\S+) (?P<target>.*) (?P<range>\S+)"
    r" → (?P<status>\d+), (?P<sent>\d+) bytes$"
)

# How long a server has to notice that its clients have left.
SETTLED_WITHIN_S = 10


class CannotMeasure(Exception):
    """Something that a measurement needs is not there, or did not work. A sentence."""


@dataclass
class Exchange:
    """One exchange as the server saw it."""

    target: str
    range: str
    status: int
    # Bytes of the body given to the connection. What was on its way when the client hung up is
    # among them.
    sent: int


class Archive:
    """A server for as long as the `with` statement lasts."""

    def __init__(self, films, https, rate=None, rtt_ms=0):
        """`films` maps names to `SECONDS:BYTES:LAYOUT`; `rate` is in bytes a second."""
        self.names = list(films)
        self.directory = tempfile.TemporaryDirectory(prefix="testcard-bench-")
        self.ca = Path(self.directory.name) / "ca.pem"
        self.command = [TESTCARD_SIM, "serve", "--log", "--ca-out", self.ca]
        self.command += ["--tls" if https else "--http", "--rtt", str(rtt_ms)]
        self.command += ["--rate", str(rate)] if rate else []
        for name, film in films.items():
            self.command += ["--film", f"{name}:{film}"]

    def __enter__(self):
        log = Path(self.directory.name) / "log"
        with log.open("w", encoding="utf-8") as stderr:
            self.process = subprocess.Popen(
                self.command, stdout=subprocess.PIPE, stderr=stderr, text=True
            )
        self.log = log.open(encoding="utf-8")
        announcement = self.process.stdout.readline()
        if not announcement:
            why = self.log.read().strip()
            self.__exit__()
            raise CannotMeasure(f"testcard-sim serve did not start: {why}")
        self.films = dict(zip(self.names, json.loads(announcement)["films"]))
        self.threads_idle = self._threads()
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.communicate()
        self.log.close()
        self.directory.cleanup()

    def direct_url(self, name):
        """The film itself, without a redirect."""
        return self.films[name]["direct"]

    def download_url(self, name):
        """The address that redirects to a node, as archive.org's /download does."""
        return self.films[name]["download"]

    def exchanges(self):
        """The exchanges since the last call, once every client's connection is over.

        An exchange is logged when it ends, by its connection's thread, so all are there when the
        server has no more threads than before its first connection.
        """
        deadline = time.monotonic() + SETTLED_WITHIN_S
        while self._threads() > self.threads_idle:
            if time.monotonic() > deadline:
                raise CannotMeasure("the server still has connections")
            time.sleep(0.01)
        lines = self.log.read().splitlines()
        found = [LOG_LINE.match(line) for line in lines]
        if None in found:
            raise CannotMeasure(f"the server's log is not understood: {lines[found.index(None)]}")
        return [
            Exchange(line["target"], line["range"], int(line["status"]), int(line["sent"]))
            for line in found
        ]

    def _threads(self):
        return len(os.listdir(f"/proc/{self.process.pid}/task"))


def check_programs(programs):
    """Says what to do when there is nothing to measure, instead of failing somewhere later."""
    if not sys.platform.startswith("linux"):
        raise CannotMeasure("this reads /proc, which only Linux has")
    for program in programs:
        if not program.exists():
            packages = " ".join(f"-p {program.name}" for program in programs)
            raise CannotMeasure(f"{program} is not there: cargo build --release {packages}")


def read_trace(path):
    """The events of a trace file, each a dict with its time `t` in µs and its name `ev`."""
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def machine():
    """What the figures were measured on, as part of a sentence."""
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    cores = f"{len(os.sched_getaffinity(0))} cores" + (f", {models[0]}" if models else "")
    return f"{cores}, load average {os.getloadavg()[0]:.1f} at the start"


def run_as_command(main, programs=(TESTCARD, TESTCARD_SIM)):
    """Runs a benchmark's `main`, which says whether what was promised was kept.

    Exit codes: 0 kept, 1 not kept, 2 not measured.
    """
    try:
        check_programs(programs)
        sys.exit(0 if main() else 1)
    except CannotMeasure as why:
        print(f"{Path(sys.argv[0]).name}: {why}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
