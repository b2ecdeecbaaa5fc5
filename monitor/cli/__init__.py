"""The verbs. No logic here: each opens what it needs, calls it, and prints.

Machine output goes to standard output, everything else to standard error. Imports stand inside
the verbs, so that ``monitor --help`` does not wait for a database library.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import cast

import typer

from monitor.cli import database, look, setup, work
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
    work.digest,
    setup.doctor,
    setup.demo,
):
    cli.command()(cast("Callable[..., None]", verb))

source = typer.Typer(no_args_is_help=True, help="Try, park and resume single sources.")
source.command("try")(look.try_source)
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
    try:
        cli()
    except UserError as e:
        fail(str(e), e.status)
    except Failure as e:
        fail(str(e), 1)
    except BrokenPipeError:
        # The reader went away (`monitor mentions | head`); do not complain at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        sys.exit(130)
