"""Peak memory while half a minute of a 2 GB film plays, index first and index last.

The film comes from a server in another process, unshaped, so that the window ahead of the decoder
is full from the first second on. The program is the real one with its window and its speaker; SDL's
dummy drivers take the place of the hardware, unless SDL_VIDEODRIVER and SDL_AUDIODRIVER say
otherwise. Half a minute of film takes half a minute to play.
"""

import argparse
import bisect
import json
import os
import subprocess
import tempfile
import time
from dataclasses import dataclass

from archive import TESTCARD, Archive, CannotMeasure, machine, read_trace, run_as_command

# What the whole program may take.
PEAK_MAX_BYTES = 80_000_000

# What of it may be the window ahead of the decoder: `Limits::DESKTOP` in core's `stream`.
WINDOW_MAX_BYTES = 16 * 1024 * 1024

# What has left the window without being on screen yet: decoded sound, and decoded pictures.
DECODED_AHEAD_S = 0.5

# How often the kernel is asked how much of the memory is what.
SAMPLED_EVERY_S = 0.1


@dataclass
class Memory:
    """A process's memory, in bytes."""

    # The most at any time: VmHWM, the kernel's own count, so that no peak slips between two looks.
    peak: int
    # Of the largest moment sampled: what only this process has, and what others may have as well,
    # such as the program, libraries and pictures shared with the display.
    own: int
    shared: int


def main():
    options = arguments()
    size = f"{options.seconds}:{options.bytes}"
    films = {f"moov {layout}": f"{size}:{layout}" for layout in ("first", "last")}
    drivers = {"SDL_VIDEODRIVER": "dummy", "SDL_AUDIODRIVER": "dummy", **os.environ}
    print(
        f"{options.frames} pictures from the middle of a film of {options.seconds} s and"
        f" {options.bytes:,} bytes, shown by SDL's {drivers['SDL_VIDEODRIVER']} driver.\n"
        f"{machine()}."
    )
    kept = True
    with Archive(films, https=False) as archive, tempfile.TemporaryDirectory() as directory:
        for film in films:
            trace = os.path.join(directory, "trace")
            url = archive.direct_url(film)
            memory = play(url, options.seconds // 2, options.frames, trace, drivers)
            print(f"\n{film}")
            kept &= report(memory, read_trace(trace), picture_offsets(url), options)
    return kept


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--frames", type=int, default=900, help="pictures to play (%(default)s)")
    parser.add_argument("--seconds", type=int, default=5400, help="the film's length (%(default)s)")
    parser.add_argument("--bytes", type=int, default=2_000_000_000, help="its size (%(default)s)")
    options = parser.parse_args()
    if options.frames < 1 or options.seconds < 1:
        parser.error("--frames and --seconds are at least 1")
    return options


def play(url, at_s, frames, trace, environment):
    """Plays to the end and says what it took."""
    command = [TESTCARD, "play", url, "--at", str(at_s), "--frames", str(frames), "--trace", trace]
    memory = Memory(0, 0, 0)
    largest = 0
    with subprocess.Popen(command, env=environment) as process:
        while process.poll() is None:
            now = resident(process.pid)
            # Not `wait4`'s maximum: that begins with what this script had when it forked.
            memory.peak = now.get("VmHWM", memory.peak)
            if now.get("VmRSS", 0) > largest:
                largest = now["VmRSS"]
                memory.own, memory.shared = now["RssAnon"], now["RssFile"] + now["RssShmem"]
            time.sleep(SAMPLED_EVERY_S)
    if process.returncode != 0:
        raise CannotMeasure(f"testcard ended with {process.returncode}")
    return memory


def resident(pid):
    """The kernel's account of a process's resident memory; empty once the process has ended."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as lines:
        fields = (line.split() for line in lines if line.startswith(("VmHWM", "VmRSS", "Rss")))
        return {name.rstrip(":"): int(kilobytes) * 1024 for name, kilobytes, _ in fields}


def picture_offsets(url):
    """Where the film's pictures lie in the file: times in µs, ascending, and offsets."""
    with subprocess.Popen([TESTCARD, "probe", "--samples", url], stdout=subprocess.PIPE) as probe:
        samples = (json.loads(line) for line in probe.stdout)
        pictures = sorted((s["time_us"], s["offset"]) for s in samples if s["kind"] == "video")
    if probe.returncode != 0:
        raise CannotMeasure(f"testcard probe ended with {probe.returncode}")
    return tuple(zip(*pictures))


def report(memory, events, pictures, options):
    """Prints what was measured and the verdicts; whether all was kept."""
    moov = one(events, "index_found")["bytes"]
    full = sum(event["ev"] == "throttled" for event in events)
    ahead = received_and_not_shown(events, pictures)
    summary = one(events, "summary")
    for what, count in (
        ("peak", memory.peak),
        ("  of its own", memory.own),
        ("  program, libraries, shared", memory.shared),
        ("moov", moov),
        ("received and not shown at the end", ahead),
    ):
        print(f"{what:36}{count:12,} bytes")
    print(
        f"the window was full {full} times; {summary['pictures']} pictures shown,"
        f" {summary['dropped']} dropped, {summary['underruns']} gaps in the sound"
    )
    if not full:
        raise CannotMeasure("the window never filled")
    kept = verdict(f"peak within {PEAK_MAX_BYTES:,} bytes", memory.peak <= PEAK_MAX_BYTES)
    decoded = int(options.bytes / options.seconds * DECODED_AHEAD_S)
    window = f"window within {WINDOW_MAX_BYTES:,} bytes, with {DECODED_AHEAD_S} s decoded ahead"
    return verdict(window, ahead <= WINDOW_MAX_BYTES + decoded) and kept


def received_and_not_shown(events, pictures):
    """Bytes of the film from the last picture shown to the last byte received, at the end."""
    seeked = one(events, "seeked")
    later = [event for event in events if event["ev"] == "opened" and event["t"] >= seeked["t"]]
    exchanges = {event["x"] for event in later}
    received = sum(e["received"] for e in events if e["ev"] == "closed" and e["x"] in exchanges)
    times, offsets = pictures
    last = [event for event in events if event["ev"] == "picture"][-1]
    shown = offsets[max(bisect.bisect_right(times, last["pts_us"]) - 1, 0)]
    return seeked["offset"] + received - shown


def one(events, name):
    found = [event for event in events if event["ev"] == name]
    if len(found) != 1:
        raise CannotMeasure(f"testcard's trace has {name} {len(found)} times")
    return found[0]


def verdict(question, answer):
    print(f"{question}: {'yes' if answer else 'NO'}")
    return answer


if __name__ == "__main__":
    run_as_command(main)
