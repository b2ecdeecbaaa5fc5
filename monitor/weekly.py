"""The digest by hand: its figures, as files, as text, or mailed now through the outbox."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from monitor import digest
from monitor.app import App
from monitor.digest import Figures
from monitor.notifiers.digest_mail import render
from monitor.pipeline.digests import digest_key
from monitor.seams import UserError


class Misuse(UserError):  # noqa: N818 - it is what the operator asked for
    """What was asked for cannot be, or the configuration does not provide for it."""

    status = 2


def figures(app: App, brand: str, week: str | None) -> Figures:
    """The figures of one brand and ISO week, else of the last full week.

    Raises:
        Misuse: unknown brand, or no such week.
    """
    if brand not in (known := [b.name for b in app.config.brand]):
        raise Misuse(f"digest: no brand {brand!r}: the configuration has {', '.join(known)}")
    zone = app.config.monitor.timezone
    try:
        when = digest.parse_week(week, zone) if week else digest.week_of(app.pipeline.now(), zone)
    except ValueError as e:
        raise Misuse(f"digest: --week {week!r}: {e}") from e
    return app.pipeline.figures(brand, when)


def text(figures: Figures) -> str:
    return render(figures).text


def write(figures: Figures, to: Path) -> list[Path]:
    """FILE.html and its text twin FILE.txt; both paths.

    Raises:
        Misuse: ``to`` names no file.
        UserError: they cannot be written.
    """
    if not to.name:
        raise Misuse(f"digest: --to {to} is a folder: give a file in it, such as digest.html")
    mail = render(figures)
    page, twin = to.with_suffix(".html"), to.with_suffix(".txt")
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(mail.html, "utf-8")
        twin.write_text(mail.text, "utf-8")
    except OSError as e:
        raise UserError(f"digest: {to}: cannot be written: {e.strerror}") from e
    return [page, twin]


def send(app: App, figures: Figures) -> list[str]:
    """Queue the digest for each recipient and deliver what is due; one line for each.

    Raises:
        Misuse: nobody is to get it.
    """
    if datetime.fromisoformat(figures.until) > app.pipeline.now():
        raise Misuse(f"digest: {figures.week} is not over yet: show it, and send it when it is")
    targets = app.pipeline.policy.digest_targets[figures.brand]
    if not targets:
        raise Misuse("digest: no recipients: set [digest] to, or digest_to of the brand")
    said, frozen = [], digest.to_json(figures)
    for target in targets:
        key = digest_key(figures.brand, figures.week, target)
        new = app.store.enqueue_digest(key, target, figures.brand, frozen, app.pipeline.now())
        said.append(f"{target}: {'queued' if new else 'was queued before'}")
    said.append(f"{app.pipeline.deliver()} delivered now")
    return said
