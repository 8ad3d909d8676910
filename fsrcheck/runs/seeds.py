"""Where a trial's one integer comes from, so that calibration and judging never share one."""

import secrets
from collections.abc import Sequence
from hashlib import sha256

CALIBRATION_BIT = 1 << 62


def fresh_seed() -> int:
    """Draw a seed for a run to which the user gave none; short enough to be typed again."""
    return secrets.randbelow(1 << 31)


def trial_seeds(run_seed: int, label: str, count: int, start: int = 0) -> Sequence[int]:
    """Seeds number ``start`` to ``start + count`` of the stream ``label`` of a run, below 2^62."""
    return [_hashed(f"{run_seed}|{label}|{index}") for index in range(start, start + count)]


def calibration_seeds(run_seed: int, label: str, count: int) -> Sequence[int]:
    """Seeds for fitting constants: at least 2^62, so that no judging trial can ever have one of them."""
    return [seed | CALIBRATION_BIT for seed in trial_seeds(run_seed, f"calibration|{label}", count)]


def _hashed(text: str) -> int:
    return int.from_bytes(sha256(text.encode()).digest()[:8], "little") % CALIBRATION_BIT
