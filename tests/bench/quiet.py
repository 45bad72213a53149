"""Turns of a measurement that other processes left alone, on a machine that is not this one's alone."""

import os
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

# What other processes may use meanwhile, in cores: with more, two threads of ours no longer have two cores.
OTHERS = 0.15
IDLE, IOWAIT = 3, 4  # columns of the first line of /proc/stat; proc_stat(5)


def quiet_turns(turn: Callable[[], float], wanted: int, most: int) -> tuple[list[float], str]:
    """Return what `turn` gives in undisturbed turns, or in all of them if there was none, and a note on that.

    It is called until `wanted` turns were undisturbed, `most` times at most.
    """
    quiet, every = list[float](), list[float]()
    while len(quiet) < wanted and len(every) < most:
        start, others = perf_counter(), _others_s()
        every.append(turn())
        if _others_s() - others <= OTHERS * (perf_counter() - start):
            quiet.append(every[-1])
    return quiet or every, f"{len(quiet)} of {len(every)} turns undisturbed"


def _others_s() -> float:
    """Return the processor seconds that all processes but this one, with its children that ended, have used."""
    with Path("/proc/stat").open(encoding="ascii") as stat:
        ticks = [int(word) for word in stat.readline().split()[1:9]]
    busy = sum(ticks) - ticks[IDLE] - ticks[IOWAIT]
    return busy / os.sysconf("SC_CLK_TCK") - sum(os.times()[:4])
