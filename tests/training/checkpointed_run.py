"""A small run of Algorithm 4 with checkpoints; ``python -m tests.training.checkpointed_run FILE`` is one that can be killed.

Algorithm 3 multiplies differences of rounding, so that what goes on from other bits ends elsewhere.
"""

import sys
from pathlib import Path

import torch

from fsrcheck.model.multilevel import overlapping_inhibition
from fsrcheck.training.level_samples import TargetSamples
from fsrcheck.training.minmax_files import Checkpoint, fingerprint
from fsrcheck.training.minmax_gan import Learned, State, learn
from fsrcheck.training.minmax_settings import MinmaxSettings, Structure

SEEDS = (5,)
TARGET = overlapping_inhibition(4, 1.0, seeds=SEEDS)
SAMPLES = TargetSamples(TARGET, seeds=SEEDS, num_samples=2048)
STRUCTURE = Structure.of(TARGET)
SETTINGS = MinmaxSettings(
    first_stages=1, higher_stages=1, pair_steps=20, moment_samples=512, super_steps=40, closing_steps=40, output_steps=5
)


def checkpoint(path: Path) -> Checkpoint:
    return Checkpoint(path, fingerprint(SAMPLES, STRUCTURE, SETTINGS, SEEDS))


def run(kept: Checkpoint, state: State, **options) -> Learned:
    return learn(SAMPLES, STRUCTURE, SETTINGS, seeds=SEEDS, state=state, save=kept.save, **options)


if __name__ == "__main__":
    torch.set_num_threads(1)  # as the tests have it: sums of threads may differ in the last bits
    kept = checkpoint(Path(sys.argv[1]))
    print("begin", flush=True)
    run(kept, kept.load().state, progress=lambda done, total, text: print(done, flush=True))
