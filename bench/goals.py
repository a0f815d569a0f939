"""What the figures have to reach."""

from typing import NamedTuple

from bench.exclusion import Exclusion
from bench.first_sync import FirstSync
from bench.idle import Idle
from bench.matching import Matching
from bench.measuring import CONSTANT_ANSWER, FULL_ANSWER, Results

_RATIOS = {"sqlite": 0.25, "postgresql": 0.2}
_NEXT_RATIOS = {"sqlite": 0.45}
_LARGEST_SPREAD = 0.10
_LARGEST_SPREAD_OF_PAGES = 0.20
_LARGEST_MEMORY = 120  # MiB
_LONGEST_EXCLUSION = {"sqlite": 2.0}  # seconds
_LEAST_OF_MBSYNC = 1 / 3
_LONGEST_MATCHING = 2.0  # seconds
_LARGEST_GROWTH = 0.3  # the depth of an index grows a little
_LARGEST_IDLE_SHARE = 0.05
_LARGEST_IDLE_MEMORY = 300  # MiB
_LEAST_BUSY = 0.9  # below, the load was too little for the constant answer, and the ratio flatters


class Verdict(NamedTuple):
    """A goal, what was measured, and whether it is reached; a next mark may be missed."""

    goal: str
    measured: str
    is_reached: bool
    may_be_missed: bool = False


def judge(
    dialect: str, results: Results, exclusion: Exclusion, matching: Matching, first_sync: FirstSync, idle: Idle
) -> list[Verdict]:
    """Hold the figures of a database against the goals."""
    ratio, memory, busy = results.ratios[FULL_ANSWER], results.peak_memory, results.figures[CONSTANT_ANSWER].busy
    verdicts = [
        _ratio(f"ratio to a constant answer: at least {_RATIOS[dialect]}", ratio, _RATIOS[dialect]),
        Verdict("few e-mails or many: at most 10% apart", f"{results.spread:.1%}", results.spread <= _LARGEST_SPREAD),
        Verdict(
            "page 1 or page 1,000 of 100,000 e-mails: at most 20% apart",
            f"{results.spread_of_pages:.1%}",
            results.spread_of_pages <= _LARGEST_SPREAD_OF_PAGES,
        ),
        Verdict(f"worker's peak memory: under {_LARGEST_MEMORY} MiB", f"{memory:.0f} MiB", memory < _LARGEST_MEMORY),
        Verdict("enough load for constant answers: 90% busy", f"{busy:.0%}", busy >= _LEAST_BUSY),
    ]
    verdicts += _judge_mail(matching, first_sync)
    verdicts += _judge_idle(idle)
    if dialect in _LONGEST_EXCLUSION:
        longest = _LONGEST_EXCLUSION[dialect]
        goal = f"excluding a domain of {exclusion.copies:,} old copies: under {longest:.0f} s"
        verdicts.append(Verdict(goal, f"{exclusion.seconds:.2f} s", exclusion.seconds < longest))
    if dialect in _NEXT_RATIOS:
        following = _ratio(f"the next mark: a ratio of {_NEXT_RATIOS[dialect]}", ratio, _NEXT_RATIOS[dialect])
        verdicts.append(following._replace(may_be_missed=True))
    return verdicts


def _judge_mail(matching: Matching, first_sync: FirstSync) -> list[Verdict]:
    seconds, ratio = matching.seconds, first_sync.ratio
    few, many = min(matching.per_message), max(matching.per_message)
    return [
        _ratio("first sync beside mbsync: at least a third of its rate", ratio, _LEAST_OF_MBSYNC),
        Verdict(
            f"a new record finding {matching.copies:,} old copies: under {_LONGEST_MATCHING:.0f} s",
            f"{seconds:.2f} s",
            seconds < _LONGEST_MATCHING,
        ),
        Verdict(
            f"mail among {few:,} or {many:,} records: at most {_LARGEST_GROWTH:.0%} more",
            f"{matching.growth:.0%}",
            matching.growth <= _LARGEST_GROWTH,
        ),
    ]


def _judge_idle(idle: Idle) -> list[Verdict]:
    who, share, memory = f"{idle.mailboxes:,} idle mailboxes", idle.share, idle.memory
    return [
        Verdict(f"{who}: under {_LARGEST_IDLE_SHARE:.0%} of a core", f"{share:.1%}", share < _LARGEST_IDLE_SHARE),
        Verdict(f"{who}: under {_LARGEST_IDLE_MEMORY} MiB", f"{memory:.0f} MiB", memory < _LARGEST_IDLE_MEMORY),
    ]


def _ratio(goal: str, ratio: float, least: float) -> Verdict:
    return Verdict(goal, f"{ratio:.3f}", ratio >= least)
