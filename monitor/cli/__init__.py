"""The verbs. No logic here: each opens what it needs, calls it, and prints.

Machine output goes to standard output, everything else to standard error. Imports stand inside
the verbs, so that ``monitor --help`` does not wait for a database library.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from typing import NoReturn, cast

import typer

from monitor.cli import database, learn, look, setup, work
from monitor.cli.options import fail
from monitor.seams import Failure, UserError

cli = typer.Typer(
    name="monitor",
    help="Watches blogs, comments, forums and reviews for complaints about your brand.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,  # plain help: rich alone would cost 0.2 s
)
for verb in (
    setup.init,
    work.run,
    work.once,
    look.status,
    work.score,
    work.replay,
    look.mentions,
    look.incidents,
    work.label,
    learn.train,
    learn.evaluate,
    work.digest,
    setup.doctor,
    setup.demo,
):
    cli.command()(cast("Callable[..., None]", verb))

source = typer.Typer(no_args_is_help=True, help="Discover, try, park and resume sources.")
source.command("try")(look.try_source)
source.command()(look.discover)
source.command()(database.park)
source.command()(database.resume)
cli.add_typer(source, name="source")

db = typer.Typer(no_args_is_help=True, help="The database: schema, backup, check.")
db.command()(database.upgrade)
db.command()(database.backup)
db.command()(database.check)
cli.add_typer(db, name="db")


def main() -> None:
    """The ``monitor`` command: one clear line and an exit status for all that is expected."""
    _speak_utf8()
    try:
        status = cli(prog_name="monitor", standalone_mode=False)
        sys.stdout.flush()  # so that a reader that went away is noticed here and not at exit
    except typer.TyperException as e:
        _misused(e)
    except UserError as e:
        fail(str(e), e.status)
    except Failure as e:
        fail(str(e), 1)
    except OSError as e:
        _unwritable(e)
    except (KeyboardInterrupt, typer.Abort):
        status = 130
    sys.exit(status)


def _speak_utf8() -> None:
    """Machine output is UTF-8 in every locale; no character ends in a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding=None if stream.isatty() else "utf-8", errors="replace")


def _unwritable(error: OSError) -> NoReturn:
    """A full disk is said in one line; `monitor mentions | head` is no fault."""
    # What is still buffered goes nowhere, so that the interpreter does not complain at its end.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(error, BrokenPipeError):
        sys.exit(1)
    where = f"{error.filename}: " if error.filename else ""
    fail(f"{where}{error.strerror or error}", 1)


def _misused(error: typer.TyperException) -> NoReturn:
    """Wrong use, in one line; a group of verbs without a verb shows its help."""
    if error.message.startswith("Usage: "):
        sys.stderr.write(f"{error.message}\n")
        sys.exit(2)
    context: typer.Context | None = getattr(error, "ctx", None)
    path = context.command_path if context else "monitor"
    why = error.format_message().replace("Value error, ", "").rstrip(".")
    fail(f"{why}: see `{path} --help`", 2)
