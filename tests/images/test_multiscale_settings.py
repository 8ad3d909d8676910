"""Settings and phases that cannot be run are refused in one line."""

from dataclasses import fields

import pytest

from fsrcheck.errors import InputError
from fsrcheck.images.multiscale_settings import MultiscaleSettings, Phase

BAD = {
    "num_levels": (0, 1.5, -2),
    "first_size": (0,),
    "channels": (0,),
    "widening": (0, -1, 1e9, float("nan")),
    "width_factor": (0, float("inf")),
    "latent_dim": (0,),
    "kernel_size": (0, 3, 5),
    "loss": ("hinges", ""),
    "penalty": (-1, float("nan")),
    "batch_size": (0, 1),
    "step_size": (0, -1, float("nan"), float("inf")),
    "discriminator_step_size": (0,),
    "first_moment": (1, -0.1, float("nan")),
    "second_moment": (1,),
    "decay_from": (-0.1, 1.1),
    "averaging": (1, -1),
}
SWITCHES = {"batch_norm", "output_bias", "spectral_norm", "separate"}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in BAD.items() for value in values])
def test_a_setting_that_no_run_can_have_is_named(name, value):
    with pytest.raises(InputError, match=f"^{name} must ") as caught:
        MultiscaleSettings(**{name: value})
    assert "\n" not in str(caught.value)


def test_every_number_is_checked():
    assert {item.name for item in fields(MultiscaleSettings)} == {*BAD, *SWITCHES}


def test_the_ends_of_the_ranges_are_taken():
    MultiscaleSettings(decay_from=1, averaging=0, first_moment=0, penalty=0)
    MultiscaleSettings(decay_from=0, batch_norm=False, batch_size=1)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((-1, (1,)), "num_steps must be at least 0, got -1"),
        ((1, ()), "trained must name a level"),
        ((1, (2, 1)), "trained must be rising levels"),
        ((1, (0, 1)), "trained must be rising levels"),
        ((1, (1, 1)), "trained must be rising levels"),
        ((1, (1, 2), (1, 3)), "read must end at the highest trained level 2"),
        ((1, (2,), (1,)), "read must end at the highest trained level 2"),
    ],
)
def test_phases_that_cannot_be_are_refused(given, message):
    with pytest.raises(InputError, match=message):
        Phase(*given)


def test_a_phase_reads_all_levels_up_to_its_highest_unless_told():
    assert Phase(1, (2, 3)).levels_read == (1, 2, 3)
    assert Phase(1, (3,), read=(3,)).levels_read == (3,)
