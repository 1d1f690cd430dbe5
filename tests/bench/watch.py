"""CPU time while a 640×480 film plays in a 1280×720 window, beside ffplay doing the same.

Both draw with SDL's software renderer under one Xvfb, sound goes to SDL's dummy driver, and the film
comes over HTTP from a server in this script. The two take turns. What counts is the processor time
that the kernel charges each process with, user and system, so that a second program running on the
machine makes both wait and neither worse; the server's and the display's time are not in it.
"""

import argparse
import os
import shutil
import subprocess
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median

from archive import TESTCARD, CannotMeasure, machine, read_trace, run_as_command

# How many times ffplay's processor time the set may take.
TIMES_MAX = 1.3

# The h.264 derivative that archive.org makes: 640×480, some 700 kb/s, two B-frames, AAC at 128 kb/s.
PICTURES = "testsrc2=size=640x480:rate=30000/1001,noise=alls=6:allf=t"
SOUND = "sine=frequency=440:sample_rate=44100"
ENCODED = (
    "-c:v libx264 -preset medium -b:v 700k -pix_fmt yuv420p -bf 2 -g 250"
    " -c:a aac -b:a 128k -ac 2 -movflags +faststart"
).split()

PICTURES_A_SECOND = 30000 / 1001


def main():
    options = arguments()
    for program in ("ffmpeg", "ffplay", "Xvfb"):
        if not shutil.which(program):
            raise CannotMeasure(f"{program} is not installed")
    print(f"{options.seconds} s of a film of 640×480 in a window of 1280×720. {machine()}.")
    with tempfile.TemporaryDirectory() as directory, Display() as display:
        film = Path(directory) / "film.mp4"
        make_film(film, options.seconds + 5)
        print(f"the film has {film.stat().st_size * 8 // (options.seconds + 5) // 1000} kb/s")
        environment = {
            **os.environ,
            "DISPLAY": display.name,
            "SDL_RENDER_DRIVER": "software",
            "SDL_AUDIODRIVER": "dummy",
        }
        trace = Path(directory) / "trace"
        with Server(film) as server:
            players = {
                "testcard": [
                    TESTCARD, "play", server.url, "--trace", trace,
                    "--frames", str(int(options.seconds * PICTURES_A_SECOND)),
                ],
                "ffplay": [
                    "ffplay", "-v", "error", "-nostats", "-autoexit", "-x", "1280", "-y", "720",
                    "-t", str(options.seconds), server.url,
                ],
            }  # fmt: skip
            took = {name: [] for name in players}
            for _ in range(options.runs):
                for name, command in players.items():
                    took[name].append(processor_time(command, environment))
                summary = read_trace(trace)[-1]
                print(
                    *(f"{name} {times[-1]:.2f} s," for name, times in took.items()),
                    f"testcard showed {summary['pictures']} pictures, dropped {summary['dropped']}",
                )
    ours, theirs = median(took["testcard"]), median(took["ffplay"])
    share = 100 / options.seconds
    print(f"median: testcard {ours:.2f} s ({ours * share:.1f} % of a core),", end=" ")
    print(f"ffplay {theirs:.2f} s ({theirs * share:.1f} %): {ours / theirs:.2f} times as much")
    kept = ours <= TIMES_MAX * theirs
    print(f"within {TIMES_MAX} times ffplay's: {'yes' if kept else 'NO'}")
    return kept


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=int, default=20, help="how long to play (%(default)s)")
    parser.add_argument("--runs", type=int, default=3, help="how often each (%(default)s)")
    options = parser.parse_args()
    if options.seconds < 1 or options.runs < 1:
        parser.error("--seconds and --runs are at least 1")
    return options


def make_film(path, seconds):
    command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", PICTURES, "-f", "lavfi", "-i", SOUND]
    made = subprocess.run([*command, "-t", str(seconds), *ENCODED, path], check=False)
    if made.returncode != 0:
        raise CannotMeasure(f"ffmpeg ended with {made.returncode} while making the film")


def processor_time(command, environment):
    """User and system time of a process, in seconds."""
    process = subprocess.Popen([*map(str, command)], env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise CannotMeasure(f"{Path(command[0]).name} ended with {process.returncode}")
    return usage.ru_utime + usage.ru_stime


class Display:
    """An X server without a screen for as long as the `with` statement lasts."""

    def __enter__(self):
        reads, writes = os.pipe()
        command = ["Xvfb", "-displayfd", str(writes), "-screen", "0", "1280x720x24"]
        self.process = subprocess.Popen(
            [*command, "-nolisten", "tcp"], pass_fds=[writes], stderr=subprocess.DEVNULL
        )
        os.close(writes)
        # It names the display once clients can connect, and nothing if it cannot start.
        with os.fdopen(reads, encoding="ascii") as number:
            self.name = f":{number.readline().strip()}"
        if self.name == ":":
            raise CannotMeasure("Xvfb did not start")
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


class Server:
    """Serves one film, ranges and all, for as long as the `with` statement lasts."""

    def __init__(self, film):
        content = film.read_bytes()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                first, last = self.asked()
                self.send_response(206 if "Range" in self.headers else 200)
                self.send_header("Content-Type", "video/mp4")
                self.send_header("Accept-Ranges", "bytes")
                self.send_header("Content-Length", str(last + 1 - first))
                if "Range" in self.headers:
                    self.send_header("Content-Range", f"bytes {first}-{last}/{len(content)}")
                self.end_headers()
                try:
                    self.wfile.write(content[first : last + 1])
                except OSError:
                    # The player hung up: it has enough.
                    self.close_connection = True

            def asked(self):
                asked = self.headers.get("Range", "bytes=0-").removeprefix("bytes=")
                first, last = asked.split("-")
                return int(first), min(int(last or len(content)), len(content) - 1)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/film.mp4"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


if __name__ == "__main__":
    run_as_command(main, [TESTCARD])
