"""Time, bytes and requests from tuning to the first picture, beside ffmpeg and mpv.

A server shaped to a slow link holds a film, once with its index (the moov box) first and once
last. Each player is asked for one picture from the middle, over plain HTTP from the file's own
address and over HTTPS through a redirect as archive.org does it. The players take turns, so that
whatever else the machine does falls on all of them. All of them verify certificates, and none has a
cache.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from dataclasses import dataclass

from archive import TESTCARD, Archive, CannotMeasure, machine, read_trace, run_as_command

# What may be received before the first picture besides the index and one group of pictures: the
# box walk, sound, and what is under way when an exchange is ended.
ALLOWANCE_BYTES = 256 * 1024

# Longer than anybody should need on a link that can carry a film at all.
GIVE_UP_S = 300


@dataclass
class Run:
    """One player's way to one picture."""

    # From starting the process to its end.
    seconds: float
    # As the server saw it.
    requests: int
    sent: int


@dataclass
class OwnAccount:
    """What testcard's trace says of one run."""

    # From the start of the program to its first picture.
    first_picture_s: float
    # Body bytes received until then, and exchanges opened.
    received: int
    exchanges: int


@dataclass
class Budget:
    """What may be received before the first picture."""

    moov: int
    gop: int

    def total(self):
        return self.moov + self.gop + ALLOWANCE_BYTES


def main():
    options = arguments()
    size = f"{options.seconds}:{options.bytes}"
    films = {f"moov {layout}": f"{size}:{layout}" for layout in ("first", "last")}
    rivals = {name: command for name, command in RIVALS.items() if shutil.which(name)}
    print(
        f"One picture at {options.at} s of a film of {options.seconds} s and {options.bytes:,}"
        f" bytes over {options.rate / 1e6:g} MB/s and {options.rtt} ms per round trip,"
        f" {options.runs} runs each.\n{machine()}."
    )
    for name in RIVALS:
        if name not in rivals:
            print(f"{name} is not installed: skipped")

    budgets = measure_budgets(films, options.at)
    kept = True
    for https in (False, True):
        with Archive(films, https, options.rate, options.rtt) as archive:
            runs, accounts = measure(archive, films, https, rivals, options)
        for film in films:
            way = "https through /download" if https else "plain http, the file's own address"
            print(f"\n{way}, {film}")
            kept &= report(runs[film], accounts[film], budgets[film])
    return kept


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rate", type=int, default=1_000_000, help="bytes a second (%(default)s)")
    parser.add_argument("--rtt", type=int, default=80, help="ms per round trip (%(default)s)")
    parser.add_argument("--runs", type=int, default=5, help="of every player (%(default)s)")
    parser.add_argument("--at", type=int, default=900, help="seconds into the film (%(default)s)")
    parser.add_argument("--seconds", type=int, default=1800, help="the film's length (%(default)s)")
    parser.add_argument("--bytes", type=int, default=185_000_000, help="its size (%(default)s)")
    options = parser.parse_args()
    if options.runs < 1 or options.rate < 1 or not 0 <= options.at < options.seconds:
        parser.error("--runs and --rate are at least 1, and --at lies within the film")
    return options


def measure_budgets(films, at_s):
    """How long each film's index is and its group of pictures at `at_s`, unshaped."""
    budgets = {}
    with Archive(films, https=False) as archive, tempfile.TemporaryDirectory() as directory:
        for film in films:
            url = archive.direct_url(film)
            probe = [TESTCARD, "probe", "--samples", url]
            samples = [json.loads(line) for line in run(probe).stdout.splitlines()]
            trace = os.path.join(directory, "trace")
            run([TESTCARD, "play", url, "--headless", "--frames", "1", "--trace", trace])
            moov = event(read_trace(trace), "index_found")["bytes"]
            budgets[film] = Budget(moov, gop(samples, at_s))
    return budgets


def gop(samples, at_s):
    """Bytes of the file from the sync sample at or before `at_s` up to the next, sound included."""
    syncs = [s for s in samples if s["kind"] == "video" and s["sync"]]
    before = [s["offset"] for s in syncs if s["time_us"] <= at_s * 1_000_000]
    after = [s["offset"] for s in syncs if s["time_us"] > at_s * 1_000_000]
    end = after[0] if after else max(s["offset"] + s["size"] for s in samples)
    return end - before[-1]


def measure(archive, films, https, rivals, options):
    """Every player's runs on every film, and testcard's own accounts of its."""
    runs = {film: {player: [] for player in ("testcard", *rivals)} for film in films}
    accounts = {film: [] for film in films}
    ca = archive.ca if https else None
    with tempfile.TemporaryDirectory() as directory:
        trace = os.path.join(directory, "trace")
        for _ in range(options.runs):
            for film in films:
                url = archive.download_url(film) if https else archive.direct_url(film)
                for player in runs[film]:
                    if player == "testcard":
                        command = testcard_command(url, options.at, ca, trace)
                    else:
                        command = rivals[player](url, options.at, ca)
                    runs[film][player].append(timed(archive, command))
                    if player == "testcard":
                        accounts[film].append(own_account(trace, options.at))
    return runs, accounts


def testcard_command(url, at_s, ca, trace):
    command = [TESTCARD, "play", url, "--at", str(at_s), "--frames", "1", "--headless"]
    return command + ["--trace", trace] + (["--extra-ca", ca] if ca else [])


def ffmpeg_command(url, at_s, ca):
    trust = ["-tls_verify", "1", "-ca_file", ca] if ca else []
    command = ["ffmpeg", "-nostdin", "-v", "error", *trust, "-ss", str(at_s), "-i", url]
    return command + ["-frames:v", "1", "-f", "null", "-"]


def mpv_command(url, at_s, ca):
    trust = ["--tls-verify=yes", f"--tls-ca-file={ca}"] if ca else []
    command = ["mpv", "--no-config", "--no-terminal", "--no-ytdl", "--vo=null", "--ao=null", *trust]
    return command + [f"--start={at_s}", "--frames=1", url]


RIVALS = {"ffmpeg": ffmpeg_command, "mpv": mpv_command}


def timed(archive, command):
    began = time.monotonic()
    run(command)
    seconds = time.monotonic() - began
    exchanges = archive.exchanges()
    if not exchanges:
        raise CannotMeasure(f"{command[0]} asked for nothing")
    return Run(seconds, len(exchanges), sum(exchange.sent for exchange in exchanges))


def run(command):
    try:
        return subprocess.run(
            command, check=True, capture_output=True, text=True, timeout=GIVE_UP_S
        )
    except subprocess.CalledProcessError as failed:
        said = (failed.stderr or failed.stdout).strip()
        raise CannotMeasure(f"{command[0]} ended with {failed.returncode}: {said}") from failed
    except subprocess.TimeoutExpired as slow:
        raise CannotMeasure(f"{command[0]} took longer than {GIVE_UP_S} s") from slow


def own_account(trace, at_s):
    events = read_trace(trace)
    picture, summary = event(events, "picture"), event(events, "summary")
    if not 0 <= picture["pts_us"] - at_s * 1_000_000 < 100_000:
        raise CannotMeasure(f"testcard showed the picture at {picture['pts_us']} µs first")
    return OwnAccount(picture["t"] / 1e6, summary["bytes"], summary["exchanges"])


def event(events, name):
    found = next((event for event in events if event["ev"] == name), None)
    if found is None:
        raise CannotMeasure(f"testcard's trace has no {name}")
    return found


def report(runs, accounts, budget):
    """Prints one table and its verdicts; whether all was kept."""
    print(f"{'':10}{'median':>8}{'min':>8}{'max':>8}{'requests':>10}{'bytes sent':>12}")
    for player, its in runs.items():
        seconds = [run.seconds for run in its]
        requests, sent = (statistics.median(v) for v in zip(*((r.requests, r.sent) for r in its)))
        times = (statistics.median(seconds), min(seconds), max(seconds))
        columns = "".join(f"{each:6.2f} s" for each in times)
        print(f"{player:10}{columns}{requests:10g}{sent:12,.0f}")
    first_picture = statistics.median(account.first_picture_s for account in accounts)
    exchanges = statistics.median(account.exchanges for account in accounts)
    received = max(account.received for account in accounts)
    print(
        f"testcard's trace: first picture after {first_picture:.2f} s, {exchanges:g} exchanges,"
        f" at most {received:,} bytes received"
    )
    print(
        f"allowed: moov {budget.moov:,} + one GOP {budget.gop:,} + {ALLOWANCE_BYTES:,}"
        f" = {budget.total():,} bytes"
    )
    kept = verdict("within budget", received <= budget.total())
    medians = {name: statistics.median(run.seconds for run in its) for name, its in runs.items()}
    ours = medians.pop("testcard")
    if medians:
        question = f"no slower than {' and '.join(medians)}"
        if len(medians) > 1:
            question = f"no slower than the faster of {', '.join(medians)}"
        kept &= verdict(question, ours <= min(medians.values()))
    return kept


def verdict(question, answer):
    print(f"{question}: {'yes' if answer else 'NO'}")
    return answer


if __name__ == "__main__":
    run_as_command(main)
