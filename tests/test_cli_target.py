"""``--target``: the example of the README, and networks that keep, break or leave the assumptions."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result
from scipy.stats import norm

from fsrcheck.evidence.constants import Constant, Provenance, Range
from fsrcheck.model.families import FAMILIES
from fsrcheck.model.target_files import save_target
from fsrcheck.runs.calibration import fitted_claims
from fsrcheck.statement import Paper
from lemmas.fsr.a1_warm_start import STATEMENT as LEMMA
from lemmas.fsr.assumptions import STATEMENT_2_2, STATEMENT_2_3
from tests.example import bare
from tests.invoking import Invoke, assert_one_line, content, invoke_on

README = Path(__file__).parents[1] / "README.md"
CHANNELS, ACTIVE = 16, 2.0

FITTED = tuple(
    Constant(claim.constant, 3.0, Provenance.FITTED, trials=405, ranges={"family": Range(words=("equicorrelated",))})
    for claim in fitted_claims(LEMMA)
)
"""Stand for the constants of the data file, so that a new calibration does not touch these tests."""


@pytest.fixture(scope="module")
def invoke() -> Invoke:
    """Without the controls, which are not about the target, and with few trials."""
    lemma = bare(LEMMA, errata=(), trials={"quick": 4}, constants=(*LEMMA.constants, *FITTED))
    assumptions = [replace(found, controls=found.controls[-1:]) for found in (STATEMENT_2_2, STATEMENT_2_3)]
    return invoke_on(Paper("fsr", "", "", (lemma, *assumptions)))


def independent(path: Path, active: Any = ACTIVE, unit: float = 1.0) -> Path:
    """Independent channels as a user writes them; ``active`` may be one number for each channel."""
    firing = np.broadcast_to(active, CHANNELS) / CHANNELS
    thresholds = norm.isf(firing)
    scales = unit * firing / (norm.pdf(thresholds) - thresholds * firing)
    rotation, _ = np.linalg.qr(np.random.default_rng(0).standard_normal((CHANNELS + 4, CHANNELS)))
    np.savez(
        path,
        level1_dictionary=rotation[None],
        level1_latent_weights=np.diag(scales)[None],
        level1_thresholds=(scales * thresholds)[None],
    )
    return path


def built(path: Path, family: str, active: float = ACTIVE, **options: Any) -> Path:
    save_target(FAMILIES[family](CHANNELS, active, seeds=[5], **options), path)
    return path


def claims_of(result: Result) -> dict[str, dict[str, Any]]:
    (found,) = content(result)  # type: ignore[misc]
    return {claim["name"]: claim for claim in found["claims"]}


def outcomes(result: Result) -> set[str]:
    return {claim["outcome"] for claim in claims_of(result).values()}


def test_the_example_of_the_readme_runs(invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    section = README.read_text(encoding="utf-8").split("## A target of your own")[1].split("\n## ")[0]
    (script,) = re.findall(r"```python\n(.*?)```", section, flags=re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exec(script, {})
    for line in re.findall(r"    fsrcheck (check .*?)(?:  +#.*)?\n", section):
        result = invoke(*line.split())
        assert result.exit_code == (3 if "A.1" in line else 0), result.output
        assert "VIOLATED" not in re.sub(r"VIOLATED *caught", "", result.stdout)


class TestAssumptions:
    def test_a_network_that_satisfies_them_is_accepted(self, invoke: Invoke, tmp_path: Path) -> None:
        result = invoke("check", "2.2", "2.3", "--target", independent(tmp_path / "t.npz"), "--json")
        assert [found["verdict"] for found in content(result)] == ["SUPPORTED", "SUPPORTED"]
        assert result.exit_code == 0

    def test_one_that_does_not_is_refused_with_measured_value_and_limit(self, invoke: Invoke, tmp_path: Path) -> None:
        path = built(tmp_path / "t.npz", "equicorrelated", correlation=0.5)
        result = invoke("check", "2.2", "--target", path, "--json")
        triple = claims_of(result)["triple probability"]
        assert triple["outcome"] == "VIOLATED"
        assert triple["measured"] > triple["bound"] == 1
        assert result.exit_code == 1

    def test_the_limits_use_the_dimension_of_the_patches(self, invoke: Invoke, tmp_path: Path) -> None:
        result = invoke("check", "2.3", "--target", independent(tmp_path / "t.npz"), "--json")
        assert claims_of(result)["cross ratio"]["bound"] == pytest.approx((CHANNELS + 4) ** -2)

    def test_every_level_of_the_file_is_checked(self, invoke: Invoke, tmp_path: Path) -> None:
        path = built(tmp_path / "t.npz", "dense_mixing", active=1.0, num_patches=2, num_levels=2)
        result = invoke("check", "2.2", "--target", path)
        assert result.exit_code == 1
        assert re.search(r"'pair probability' VIOLATED at family=file .*\blevel=2\b", " ".join(result.stdout.split()))
        lines = [line for line in result.stderr.splitlines() if "family=file" in line]
        assert [re.findall(r"\blevel=(\d)", line) for line in lines] == [["1"], ["2"]]

    def test_a_higher_level_is_held_against_its_own_activity(self, invoke: Invoke, tmp_path: Path) -> None:
        path = built(tmp_path / "t.npz", "disjoint_supports", active=1.0, num_patches=2, num_levels=2)
        lines = invoke("check", "2.2", "--target", path).stderr
        first, second = re.findall(r"family=file .*expected_active=(\S+)", lines)
        assert first == "1.0"
        assert float(second) == pytest.approx(1.0, abs=0.1)


class TestLemma:
    def test_the_bound_is_shown_but_not_judged_by_a_constant_of_another_family(
        self, invoke: Invoke, tmp_path: Path
    ) -> None:
        result = invoke("check", "A.1", "--target", independent(tmp_path / "t.npz"), "--json")
        error = claims_of(result)["error"]
        assert error["outcome"] == "INCONCLUSIVE"
        assert 0 < error["measured"] < error["bound"] == pytest.approx(3.0 * ACTIVE * CHANNELS**-0.5)
        assert "outside the range on which 'C' was fitted: family = file" in error["message"]
        assert "HOLDS" in outcomes(result)
        assert "VIOLATED" not in outcomes(result)
        assert result.exit_code == 3

    def test_the_premises_are_shown_with_their_margins(self, invoke: Invoke, tmp_path: Path) -> None:
        printed = invoke("check", "A.1", "--target", independent(tmp_path / "t.npz")).stdout
        assert re.search(r"premises +all 12 hold on every trial, the tightest with margin 0\.\d+ \(\w+\)", printed)
        assert re.search(r"activation_probability +0\.5 +holds", printed)

    @pytest.mark.parametrize(
        ("make", "premise"),
        [
            (lambda path: built(path, "equicorrelated", correlation=0.5), "triple_probability"),
            (lambda path: independent(path, active=[0.5] * 4 + [2.0] * 12), "alike_channels"),
        ],
    )
    def test_where_a_premise_fails_nothing_is_judged(
        self, invoke: Invoke, tmp_path: Path, make: Callable[[Path], Path], premise: str
    ) -> None:
        path = make(tmp_path / "t.npz")
        result = invoke("check", "A.1", "--target", path, "--json")
        assert outcomes(result) <= {"INAPPLICABLE", "NOT_EVALUATED"}
        assert result.exit_code == 3
        assert re.search(rf"{premise} +−\d\S* +FAILS", invoke("check", "A.1", "--target", path).stdout)

    @pytest.mark.parametrize("unit", [0.5, 1.5])
    def test_the_size_of_the_codes_does_not_matter(self, invoke: Invoke, tmp_path: Path, unit: float) -> None:
        path, words = tmp_path / "t.npz", ("check", "A.1", "--seed", 3, "--json", "--target")
        scaled = claims_of(invoke(*words, independent(path, unit=unit)))
        nominal = claims_of(invoke(*words, independent(path)))
        assert scaled["error"]["measured"] == pytest.approx(nominal["error"]["measured"], rel=1e-6)

    def test_several_patches_and_levels_are_taken(self, invoke: Invoke, tmp_path: Path) -> None:
        path = built(tmp_path / "t.npz", "disjoint_supports", num_patches=2, num_levels=2)
        assert claims_of(invoke("check", "A.1", "--target", path, "--json"))["error"]["measured"] < 0.6

    def test_the_replay_command_names_the_file_and_gives_the_same_numbers(self, invoke: Invoke, tmp_path: Path) -> None:
        (found,) = content(invoke("check", "A.1", "--target", independent(tmp_path / "t.npz"), "--json"))  # type: ignore[misc]
        program, *words = found["replay"].split()
        assert program == "fsrcheck"
        assert content(invoke(*words, "--json")) == [found]

    def test_a_single_trial_can_be_replayed(self, invoke: Invoke, tmp_path: Path) -> None:
        path = independent(tmp_path / "t.npz")
        trial: Any = content(invoke("replay", "A.1", "--trial-seed", 3, "--target", path, "--json"))
        assert trial["parameters"]["target"] == str(path)
        assert trial["premises"]["alike_channels"] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ("num_channels=64", "num_channels must be 16 as in"),
        ("num_patches=3", "num_patches must be 1 as in"),
        ("family=equicorrelated", "a target file must come with family 'file'"),
        ("target=", "a target file must come with family 'file'"),
    ],
)
def test_a_setting_that_contradicts_the_file_is_refused(
    invoke: Invoke, tmp_path: Path, setting: str, complaint: str
) -> None:
    path = independent(tmp_path / "t.npz")
    for name in ("A.1", "2.2"):
        assert_one_line(invoke("check", name, "--target", path, "--set", setting), complaint)


def test_the_number_of_active_channels_may_be_stated(invoke: Invoke, tmp_path: Path) -> None:
    path = independent(tmp_path / "t.npz")
    result = invoke("check", "2.2", "--target", path, "--set", "expected_active=1", "--json")
    activation = claims_of(result)["activation probability"]
    assert (activation["measured"], activation["bound"]) == (pytest.approx(2.0), 2.0)


def test_a_rounded_file_gives_a_round_number_of_active_channels(invoke: Invoke, tmp_path: Path) -> None:
    result = invoke("replay", "A.1", "--trial-seed", 1, "--target", independent(tmp_path / "t.npz"), "--json")
    parameters: Any = content(result)
    assert parameters["parameters"]["expected_active"] == ACTIVE
