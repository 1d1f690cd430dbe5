"""How much faster than watching the testbed is: sessions replayed, and seeds swept.

Sessions are recorded first, all from the virtual archive: the short ones that come with Testcard,
and a film of 90 minutes. Each is then replayed through every network there is. `testcard-sim replay
--json` says for each how long it took in virtual and in real time, reading from the disk not
included; where that is included, the clock outside of the process counts.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from archive import TESTCARD_SIM, CannotMeasure, machine, run_as_command

# What is promised: how many times faster than real, sessions a minute, seconds.
HEAP_SPEED_MIN = 10_000
TURMOIL_SPEED_MIN = 400
SESSIONS_A_MINUTE_MIN = 2_000
SWEEP_SECONDS_MAX = 600

# On how many cores short sessions are replayed at a time, a process on each.
CORES = 2

# What goes over real sockets: that takes its time, so a few stand for all.
OVER_SOCKETS = ["moov-first", "short-body", "redirect-chain"]

# Longer than anything here should take.
GIVE_UP_S = 3600


@dataclass
class Row:
    """One measurement: of the runs, the median, the smallest and the largest figure."""

    what: str
    median: float
    smallest: float
    largest: float
    unit: str
    # What is promised, in words, and whether it was kept; absent where nothing is.
    promised: str | None = None
    kept: bool | None = None


def main():
    options = arguments()
    began_on = machine()
    rows = []
    with tempfile.TemporaryDirectory(prefix="testcard-bench-") as directory:
        short, whole = record(Path(directory))
        say(options, f"{len(short)} short sessions and one of 90 minutes, {options.runs} runs each.")
        say(options, f"{began_on}.")
        rows += virtual_time("heap", whole, short, HEAP_SPEED_MIN, options)
        rows += a_minute(short, options)
        rows += virtual_time("turmoil", whole, short, TURMOIL_SPEED_MIN, options)
        rows += over_sockets(Path(directory), options)
    rows += sweep(options)
    if options.json:
        print(json.dumps({"machine": began_on, "rows": [asdict(row) for row in rows]}, indent=2))
    else:
        report(rows)
    return all(row.kept is not False for row in rows)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=5, help="of everything (%(default)s)")
    parser.add_argument("--seeds", type=int, default=5000, help="to sweep, once (%(default)s)")
    parser.add_argument("--passes", type=int, default=4, help="over the short sessions (%(default)s)")
    parser.add_argument("--json", action="store_true", help="for machines: one JSON object")
    options = parser.parse_args()
    if min(options.runs, options.seeds, options.passes) < 1:
        parser.error("--runs, --seeds and --passes are at least 1")
    return options


def say(options, sentence):
    if not options.json:
        print(sentence, flush=True)


def record(directory):
    """Records all sessions; the directories of the short ones, and that of the whole film."""
    short = directory / "short"
    sim("scenarios", "--out", short)
    sim("scenarios", "--out", directory, "whole-film")
    return sorted(short.iterdir()), directory / "whole-film"


def sim(*arguments, may_differ=False):
    """What `testcard-sim` prints."""
    command = [TESTCARD_SIM, *map(str, arguments)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=GIVE_UP_S)
    except subprocess.TimeoutExpired as slow:
        raise CannotMeasure(f"testcard-sim took longer than {GIVE_UP_S} s") from slow
    if done.returncode not in ((0, 1) if may_differ else (0,)):
        said = (done.stderr or done.stdout).strip()
        raise CannotMeasure(f"testcard-sim ended with {done.returncode}: {said}")
    return done.stdout


def replay(sessions, driver="heap"):
    """An account of each session's replay. One that goes another way than recorded is said to, and
    counts all the same: whether it may is the tests' affair."""
    lines = sim("replay", "--json", "--driver", driver, *sessions, may_differ=True).splitlines()
    accounts = [json.loads(line) for line in lines]
    for account in accounts:
        name = Path(account["session"]).name
        if "error" in account:
            raise CannotMeasure(f"{name} cannot be replayed over {driver}: {account['error']}")
        if account["differences"]:
            print(f"{name} goes another way over {driver}", file=sys.stderr)
    return accounts


def speed(accounts):
    """How many times faster than watching, all together."""
    return sum(a["virtual_us"] for a in accounts) / sum(a["real_us"] for a in accounts)


def virtual_time(driver, whole, short, least, options):
    """Where time is virtual, it is as much faster as the machine is."""
    speeds = {"90 minutes": [], "short sessions": []}
    for _ in range(options.runs):
        speeds["90 minutes"].append(speed(replay([whole], driver)))
        speeds["short sessions"].append(speed(replay(short, driver)))
    promised = {"90 minutes": least}
    return [
        at_least(f"{driver}, {what}", its, "× real time", promised.get(what))
        for what, its in speeds.items()
    ]


def a_minute(short, options):
    """Short sessions a minute through the heap, a process on each core."""
    with_disk, without = [], []
    for _ in range(options.runs):
        began = time.monotonic()
        with ThreadPoolExecutor(CORES) as pool:
            accounts = list(pool.map(replay, [short * options.passes] * CORES))
        seconds = time.monotonic() - began
        count = sum(map(len, accounts))
        slowest_us = max(sum(a["real_us"] for a in its) for its in accounts)
        with_disk.append(count * 60 / seconds)
        without.append(count * 60e6 / slowest_us)
    unit = "sessions/min"
    return [
        at_least(f"heap, {CORES} processes, from disk", with_disk, unit, SESSIONS_A_MINUTE_MIN),
        at_least(f"heap, {CORES} processes, reading aside", without, unit),
    ]


def over_sockets(directory, options):
    """Over real sockets, time is real but for a scaled clock, which the program chooses."""
    sessions = [directory / "short" / name for name in OVER_SOCKETS]
    speeds = [speed(replay(sessions, "loopback")) for _ in range(options.runs)]
    return [at_least(f"loopback, {len(sessions)} short sessions", speeds, "× real time")]


def sweep(options):
    """Seconds for so many seeds, once: it is long enough to be its own average."""
    if "sweep" not in sim("--help"):
        say(options, "this testcard-sim has no sweep: skipped")
        return []
    told = sim("sweep", "--seeds", f"0..{options.seeds}", "--json", may_differ=True)
    told = json.loads(told)
    seconds = told["took_ms"] / 1000
    # It stops at a seed that fails, so what is measured is what was played.
    if failed := told["failed"]:
        print(f"seed {failed['seed']} fails: {failed['violation']}", file=sys.stderr)
    most = SWEEP_SECONDS_MAX * options.seeds / 5000
    kept = not failed and seconds <= most
    return [
        Row(f"sweep of {told['played']:,} seeds", *[seconds] * 3, "s", f"at most {most:g}", kept),
        at_least("sweep", [told["played"] / seconds], "seeds/s"),
    ]


def at_least(what, figures, unit, least=None):
    median = statistics.median(figures)
    promised = None if least is None else f"at least {least:,}"
    kept = None if least is None else median >= least
    return Row(what, median, min(figures), max(figures), unit, promised, kept)


def report(rows):
    print(f"\n{'':36}{'median':>10}{'min':>10}{'max':>10}")
    for row in rows:
        figures = "".join(f"{each:10,.0f}" for each in (row.median, row.smallest, row.largest))
        print(f"{row.what:36}{figures} {row.unit}")
    print()
    for row in rows:
        if row.promised:
            print(f"{row.what}: {row.promised} {row.unit}: {'yes' if row.kept else 'NO'}")


if __name__ == "__main__":
    run_as_command(main, [TESTCARD_SIM])
