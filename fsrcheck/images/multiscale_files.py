"""Checkpoints of the multi-scale GAN: training goes on from one bit by bit, or refuses what is of another run.

See ``fsrcheck.training.sealed_files`` for what such a file is. It holds networks, both states of Adam, the number of the step and
the snapshots. On the CPU the same bits also need the same number of threads, which is for the caller to keep.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch

from fsrcheck.images.multiscale_gan import Losses, MultiscaleGan
from fsrcheck.training.sealed_files import UNREADABLE, SealedFile

MAGIC = b"fsrcheck multi-scale GAN 1 "
KIND = "the multi-scale GAN"


def fingerprint(gan: MultiscaleGan) -> dict[str, Any]:
    """What a run follows from, as plain values by name: images (a digest), settings, phases, snapshots, seed and device."""
    return {
        **asdict(gan.settings),
        "phases": [_listed(asdict(phase)) for phase in gan.phases],
        "snapshots_at": sorted(gan.snapshots_at),
        "seed": gan.seed,
        "device": torch.device(gan.device).type,
        "num_images": len(gan.images),
        "images": sha256(gan.images.float().cpu().contiguous().numpy().tobytes()).hexdigest()[:16],
    }


@dataclass(frozen=True)
class MultiscaleCheckpoint:
    """The checkpoint of one run, at one path."""

    path: Path

    def save(self, gan: MultiscaleGan) -> None:
        """Write where the run stands.

        Raises:
            OSError: it cannot be written.
        """
        self._file.write({"fingerprint": fingerprint(gan), "state": gan.state()})

    def load(self, gan: MultiscaleGan) -> bool:
        """Take a run to where its checkpoint stands; whether there is one.

        Raises:
            InputError: the file is torn or something else, or of another run; the line says what differs. The run stays as it was.
        """
        found = self._file.read(gan.device)
        if found is None:
            return False
        try:
            self._file.require_same(fingerprint(gan), found["fingerprint"])
            gan.restore(found["state"])
        except UNREADABLE as error:
            raise self._file.unfit(error) from None
        return True

    @property
    def _file(self) -> SealedFile:
        return SealedFile(self.path, MAGIC, KIND)


def train(
    gan: MultiscaleGan, path: Path, *, every: int = 500, progress: Callable[[Losses], None] | None = None
) -> None:
    """Train to the end from where the checkpoint at ``path`` stands, writing it every so many steps and at the end.

    Raises:
        InputError: see ``MultiscaleCheckpoint.load`` and ``MultiscaleGan.run``.
        OSError: the checkpoint cannot be written.
    """
    checkpoint = MultiscaleCheckpoint(path)
    checkpoint.load(gan)
    while gan.step < gan.num_steps:
        gan.run(until=gan.step + every - gan.step % every, progress=progress)
        checkpoint.save(gan)


def _listed(values: dict[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
