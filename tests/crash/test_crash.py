"""A sample of `make crash`: a kill at any moment loses nothing and repeats nothing."""

from __future__ import annotations

import random

import pytest

from tests.crash.daemon import kill_daemon
from tests.crash.lines import count_lines, kill_at


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # the child only runs our code
def test_a_kill_at_any_line_loses_and_repeats_nothing() -> None:
    lines = count_lines()
    assert lines > 500, "the tracer does not see the pipeline"
    result = kill_at(sorted(random.Random(lines).sample(range(1, lines + 1), 24)))
    assert (result.lost, result.doubled) == ([], [])


def test_a_daemon_killed_at_random_loses_and_repeats_nothing() -> None:
    outcome = kill_daemon(kills=4, posts=100, seed=1)
    assert (outcome.mentions, outcome.judged) == (100, 100)
    assert (outcome.lost, outcome.doubled) == (0, 0)
