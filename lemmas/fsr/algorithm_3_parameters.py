"""What Algorithm 3's runs depend on."""

from dataclasses import dataclass, replace

from fsrcheck.errors import InputError
from fsrcheck.training.super_resolution import SuperResolutionSettings
from lemmas.fsr import super_resolution_runs
from lemmas.fsr.targets import require_word

COMPARE, PRINTED, WORKING, FAKES = "compare", "printed", "working", "fakes"
NOTHING, LATE_RAISE, GENERATOR_LAST = "nothing", "late raise", "generator last"
RANGES = {"inner_steps": (0, 10_000), "raised_by": (0.0, 1e3)}


@dataclass(frozen=True)
class Parameters(super_resolution_runs.Parameters):
    """Parameters of Algorithm 3.

    Tasks: compare, with the transcription; printed, the loop over channels with one eta; working, all channels at once, with
    and without the fakes; fakes, the two halves of the discriminator's gradient in the working form.
    """

    task: str = WORKING
    num_channels: int = 4
    num_steps: int = 800  # T; of every channel in the printed loop
    batch_size: int = 64
    evaluation_samples: int = 32768
    inner_steps: int = 1  # of the generator in each round; with 0 it stays where it starts
    raised_by: float = 7.0  # line 6, in units of b
    second_arm: bool = True  # whether the working form also runs without the fakes
    fault: str = NOTHING  # what the transcription does wrongly

    def __post_init__(self) -> None:
        """Refuse unknown words, and numbers that no run can have."""
        super().__post_init__()
        require_word("task", self.task, (COMPARE, PRINTED, WORKING, FAKES))
        require_word("fault", self.fault, (NOTHING, LATE_RAISE, GENERATOR_LAST))
        for name, (least, largest) in RANGES.items():
            if not least <= getattr(self, name) <= largest:
                raise InputError(f"{name} must be in [{least:g}, {largest:g}], got {getattr(self, name)}")
        if self.task in (COMPARE, PRINTED) and not self.inner_steps:
            raise InputError("inner_steps must be at least 1 in the printed loop, got 0")

    @property
    def settings(self) -> SuperResolutionSettings:
        """Of Algorithm 3."""
        return replace(super().settings, inner_steps=self.inner_steps)
