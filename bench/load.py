"""Load from wrk, on a core of its own."""

import subprocess
from pathlib import Path
from typing import NamedTuple

from bench.processes import Server

_SCRIPT = Path(__file__).with_name("load.lua")
_CONNECTIONS = 32


class Question(NamedTuple):
    """A request: who asks, for what, and with which form, if any."""

    token: str
    path: str
    form: str = ""


class Figures(NamedTuple):
    """One measurement: requests a second, times to an answer in milliseconds, and how busy the worker was (0 to 1)."""

    per_second: float
    p50: float
    p99: float
    busy: float


class AnswersFailed(Exception):
    """Some answers were no answers, so the figures say nothing."""


def write_questions(path: Path, questions: list[Question]) -> None:
    """Write the questions as the script reads them."""
    path.write_text("".join(" ".join(filter(None, question)) + "\n" for question in questions))


def measure(server: Server, questions: Path, seconds: int, core: int, seed: int) -> Figures:
    """Ask for some seconds. Raises AnswersFailed where an answer was not 200 or did not come."""
    command = ["taskset", "-c", str(core), "wrk", "--threads", "1", "--connections", str(_CONNECTIONS)]
    command += ["--duration", f"{seconds}s", "--script", str(_SCRIPT), f"http://127.0.0.1:{server.port}"]
    used = server.processor_seconds()
    done = subprocess.run([*command, "--", str(questions), str(seed)], capture_output=True, text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith("figures ")]
    if done.returncode or not lines:
        raise AnswersFailed(f"wrk failed: {done.stdout}{done.stderr}")
    used = server.processor_seconds() - used
    requests, microseconds, failed, p50, p99 = map(float, lines[0].split()[1:])
    if failed or not requests:
        raise AnswersFailed(f"{failed:.0f} of {requests:.0f} requests failed")
    return Figures(requests / microseconds * 1e6, p50 / 1000, p99 / 1000, used / microseconds * 1e6)
