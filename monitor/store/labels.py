"""What people said of mentions, to learn from, and the layers that were learnt."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from sqlalchemy import Connection, func, select, update

from monitor.domain import Head, Layer, Mention
from monitor.store.blanks import WORDED
from monitor.store.records import Judged, Labelled
from monitor.store.rows import judged_of, layer_of, layer_values, mention_of
from monitor.store.statements import Room
from monitor.store.tables import brands, labels, layers, mentions

_IN_FORCE = layers.c.state == "promoted"


class Labels(Room):
    """The part of the store that training reads and writes."""

    def labelled(self, brand: str, head: Head) -> list[Labelled]:
        """The last word on each mention that has one for this head, the oldest word first.

        A mention that was called not-us later is left out.
        """
        told = labels.c.kind.in_((head, "relevance"))
        last = select(func.max(labels.c.id)).join(mentions).where(mentions.c.brand == brand, told)
        newest = labels.c.id.in_(last.group_by(labels.c.mention_id))
        wanted = select(labels.c.value, labels.c.labelled_at, *mentions.c).join(mentions)
        with self._database.read() as tx:
            rows = tx.execute(wanted.where(newest, labels.c.kind == head).order_by(labels.c.id))
            return [Labelled(mention_of(row), row.value, row.labelled_at) for row in rows]

    def unlabelled(self, brand: str, limit: int) -> list[Judged]:
        """The newest judged mentions of which nobody said whether they complain."""
        said = select(labels.c.id).where(
            labels.c.mention_id == mentions.c.id, labels.c.kind.in_(("complaint", "relevance"))
        )
        judged = select(mentions).where(
            mentions.c.brand == brand,
            mentions.c.action.is_not(None),
            ~mentions.c.own,
            ~said.exists(),
        )
        newest = judged.order_by(mentions.c.seen_at.desc(), mentions.c.id.desc()).limit(limit)
        with self._database.read() as tx:
            return [judged_of(row) for row in tx.execute(newest)]

    def layers(self, brands: Collection[str] | None = None) -> list[Layer]:
        """The layers in force, one a brand and head: the newest that was promoted."""
        with self._database.read() as tx:
            return in_force(tx, brands)

    def shifts(self, names: Collection[str]) -> dict[str, float]:
        """By brand, what is added to the log odds of its complaints."""
        wanted = select(brands.c.name, brands.c.shift).where(brands.c.name.in_(names))
        with self._database.read() as tx:
            return {row.name: row.shift for row in tx.execute(wanted)}

    def set_shift(self, brand: str, shift: float) -> None:
        """Keep what is added to the log odds of a brand's complaints from now on."""
        with self._database.write() as tx:
            tx.execute(update(brands).where(brands.c.name == brand).values(shift=shift))

    def recent(self, brand: str, limit: int) -> list[Mention]:
        """The newest judged mentions with words that the brand did not write itself."""
        judged = select(mentions).where(
            mentions.c.brand == brand, mentions.c.action.is_not(None), ~mentions.c.own, WORDED
        )
        newest = judged.order_by(mentions.c.seen_at.desc(), mentions.c.id.desc()).limit(limit)
        with self._database.read() as tx:
            return [mention_of(row) for row in tx.execute(newest)]

    def keep_layer(self, layer: Layer) -> Layer:
        """Keep a layer, in force from now on if it is promoted; the same with its number."""
        with self._database.write() as tx:
            new = layers.insert().values(layer_values(layer)).returning(layers.c.id)
            return replace(layer, id=tx.execute(new).scalar_one())

    def undo_training(self, brand: str) -> list[Layer]:
        """Take back what the brand's last training promoted; what was in force before is again."""
        last = select(func.max(layers.c.made_at)).where(layers.c.brand == brand, _IN_FORCE)
        with self._database.write() as tx:
            newest = layers.c.made_at == last.scalar_subquery()
            undone = update(layers).where(layers.c.brand == brand, _IN_FORCE, newest)
            rows = tx.execute(undone.values(state="undone").returning(layers))
            return [layer_of(row) for row in rows]


def in_force(tx: Connection, brands: Collection[str] | None = None) -> list[Layer]:
    """See ``Labels.layers``."""
    newest = select(func.max(layers.c.id)).where(_IN_FORCE).group_by(layers.c.brand, layers.c.head)
    if brands is not None:
        newest = newest.where(layers.c.brand.in_(brands))
    wanted = select(layers).where(layers.c.id.in_(newest)).order_by(layers.c.brand, layers.c.head)
    return [layer_of(row) for row in tx.execute(wanted)]
