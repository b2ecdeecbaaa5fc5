"""Logs on standard error: JSON lines for machines, plain lines for a person at a terminal.

JSON keeps an outside text with line breaks on its own line. Only ids and names are logged, never
a post's text, an author or a secret; exceptions are logged without local variables.
"""

from __future__ import annotations

import logging
import sys

import structlog


def set_up(least: int = logging.WARNING) -> None:
    """Configure structlog for this process, and other libraries' warnings through it.

    Args:
        least: what is logged, from this level on; a person at a terminal sees warnings at most.
    """
    person = sys.stderr.isatty()
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    last = (
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if person
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[*shared, last],
        wrapper_class=structlog.make_filtering_bound_logger(
            max(least, logging.WARNING) if person else least
        ),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    formatter = structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processor=last)
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    # It warns of each beat that finds the one before still at work: that is what beats are for.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
