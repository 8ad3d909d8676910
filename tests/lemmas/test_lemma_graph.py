"""The lemma graph: its data, what is read off a run whose errors are known, the transcription, and the drawing."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.evidence.trial import Case, Measurement, Observation, Trial
from fsrcheck.model.families import overlapping_inhibition
from fsrcheck.model.target import TargetNetwork
from fsrcheck.training.minmax_gan import HIDDEN, OUTPUT, WARM_START, HandOver, Learned
from lemmas.fsr import algorithm_4_runs, lemma_graph
from lemmas.fsr.algorithm_4_run import PRINTED, START, TINY
from lemmas.fsr.algorithm_4_runs import GROUPS, Parameters, key, largest, planned, run
from lemmas.fsr.graph_readings import LIKELY, Reading, code_errors, column_error, in_units, likely, readings
from lemmas.fsr.lemma_graph import (
    BELOW,
    FALLS,
    INDUCTION,
    MEANS,
    PAIRS,
    PATCHES,
    RATES,
    READS,
    ROWS,
    WITHIN,
    edge,
    edges,
    noise,
)
from lemmas.fsr.lemma_graph_figure import BREAKS, HOLDS, NOISY, Cell, assign_lanes, chain, draw, ends, layout, rows
from lemmas.fsr.minmax_runs import NotBegun
from tests.model.imperfect import imperfect
from tests.model.test_coupling import scaled_first

SEEDS = [0, 1]
SIZE = 4
TARGET = overlapping_inhibition(SIZE, 1.0, seeds=SEEDS, num_patches=2, num_levels=2)
ONES = torch.ones(2, 2, dtype=torch.float64)
EPS = 0.1


def history(
    network: TargetNetwork, cutoff: float | Tensor = 0.5, after: TargetNetwork | None = None
) -> tuple[HandOver, ...]:
    """One stage on every level with the layers of ``network``; Algorithm 1 leaves the dictionaries of ``after``."""
    told = []
    for level, layer in enumerate(network.levels, start=1):
        left = (after or network).levels[level - 1].dictionary
        told += [
            HandOver(level, 0, WARM_START, layer.dictionary, ONES, 0 * ONES),
            HandOver(level, 1, HIDDEN, layer.dictionary, ONES, cutoff * ONES, layer),
            HandOver(level, 1, OUTPUT, left, ONES, cutoff * ONES),
            HandOver(level, 2, HIDDEN, layer.dictionary, ONES, cutoff * ONES, layer),
        ]
    return tuple(told)


def read(network: TargetNetwork, **given: Any) -> dict[tuple[str, int, int], Reading]:
    learned = Learned(network, history(network, **given), ONES, 1000)
    found = readings(learned, TARGET, seeds=SEEDS, accuracy=EPS, num_samples=2000)
    return {(one.name, one.level, one.stage): one for one in found}


def test_a_perfect_run_hands_over_no_error_on_any_edge() -> None:
    for one in read(imperfect(TARGET, [5, 6])).values():
        assert float(one.measured.max()) < 1e-6, one.name


def test_every_edge_of_the_data_is_read_and_no_other() -> None:
    found = read(TARGET)
    for level, missing in ((1, set()), (2, {BELOW})):
        assert {name for name, at, _ in found if at == level} == {one.name for one in edges(level)} - missing


@settings(max_examples=8, deadline=None)
@given(st.floats(0.01, 0.5))
def test_a_first_level_too_large_shows_where_it_must(excess: float) -> None:
    found = read(scaled_first(TARGET, 1 + excess))
    for name, stage in ((MEANS, 1), (ROWS, 2), (PATCHES, 2), (PAIRS, 1)):
        measured = found[name, 1, stage].measured
        if name == PAIRS:  # at most what pairs of such codes are, over chance
            assert bool((measured > 0).all())
        else:
            torch.testing.assert_close(measured, torch.full_like(measured, excess), rtol=1e-6, atol=0)
    assert float(found[RATES, 1, 1].measured.max()) == 0.0
    assert float(found[READS, 1, 1].measured.max()) < 1e-9
    torch.testing.assert_close(found[BELOW, 1, 2].required, 0.5 * ONES[0])
    assert bool((found[BELOW, 1, 2].measured > excess).all())
    assert bool((found[WITHIN, 2, 1].measured > 0).all())


@settings(max_examples=8, deadline=None)
@given(st.floats(0.01, 0.2), st.floats(0.1, 3.0))
def test_what_the_dictionary_and_the_cutoff_require(size: float, cutoff: float) -> None:
    before = imperfect(TARGET, [7, 8], noise=0.0, dictionary=size, shuffle=False)
    found = read(before, cutoff=cutoff, after=TARGET)
    for level in (1, 2):
        delta = found[INDUCTION, level, 1].measured
        falls = found[FALLS, level, 1]
        assert float(falls.measured.max()) < 1e-6
        patches = column_error(before.levels[level - 1].dictionary, TARGET.levels[level - 1].dictionary)
        torch.testing.assert_close(delta, patches.amax(dim=1))
        for required, power in ((falls.required, -0.02), (found[MEANS, level, 1].required, 0.02)):
            assert bool(torch.isclose(required[:, None], patches * SIZE**power, rtol=1e-9).any(dim=1).all())
        torch.testing.assert_close(found[INDUCTION, level, 1].required, torch.full_like(delta, SIZE**-0.49))
        torch.testing.assert_close(found[READS, level, 1].required, torch.full_like(delta, cutoff))
        assert bool((found[READS, level, 1].measured > 0.2 * size).all())
    torch.testing.assert_close(found[WITHIN, 2, 1].required, torch.full((2,), 7 * cutoff, dtype=torch.float64))


@settings(max_examples=8, deadline=None)
@given(st.lists(st.floats(0.1, 10.0), min_size=4, max_size=4))
def test_readings_do_not_depend_on_the_units_of_the_samples(drawn: list[float]) -> None:
    units = torch.tensor(drawn, dtype=torch.float64).reshape(2, 2)
    network = imperfect(TARGET, [7, 8], noise=0.05)
    learned = Learned(in_units(network, 1 / units), history(network), units, 1000)
    found = readings(learned, in_units(TARGET, 1 / units), seeds=SEEDS, accuracy=EPS, num_samples=2000)
    for one, other in zip(found, read(network).values(), strict=True):
        torch.testing.assert_close(one.measured, other.measured, rtol=1e-6, atol=1e-9)


def test_codes_in_units_are_the_codes_over_the_units() -> None:
    units = torch.tensor([[2.0, 3.0], [5.0, 7.0]], dtype=torch.float64)
    latents = torch.randn(2, 50, TARGET.latent_dim, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    for unit, own, true in zip(units, in_units(TARGET, units).codes(latents), TARGET.codes(latents), strict=True):
        torch.testing.assert_close(own * unit[:, None, None, None], true)


def test_the_smallest_cutoff_of_the_level_above_is_required_of_the_codes() -> None:
    found = read(imperfect(TARGET, [7, 8], noise=0.05), cutoff=torch.tensor([0.7, 0.4]))
    torch.testing.assert_close(found[BELOW, 1, 2].required, torch.full((2,), 0.4, dtype=torch.float64))


def test_the_last_raise_counts_at_the_end_of_a_level_only() -> None:
    raised = replace(TARGET.first, thresholds=TARGET.first.thresholds + 0.3)
    learned = Learned(TargetNetwork((raised, *TARGET.higher)), history(TARGET), ONES, 1000)
    found = {
        (one.name, one.level): one for one in readings(learned, TARGET, seeds=SEEDS, accuracy=EPS, num_samples=2000)
    }
    assert float(found[MEANS, 1].measured.max()) < 1e-9
    assert bool((found[PATCHES, 1].measured > 0.1).all())
    assert bool((found[BELOW, 1].measured > 0.3).all())


def test_a_level_that_was_given_is_read_at_its_end_only() -> None:
    told = tuple(one for one in history(TARGET) if one.level > 1)
    found = readings(Learned(TARGET, told, ONES, 1000), TARGET, seeds=SEEDS, accuracy=EPS, num_samples=500)
    assert [one.name for one in found if one.level == 1] == [ROWS, BELOW, PATCHES]


def test_what_is_no_number_is_an_infinite_ratio() -> None:
    nothing = torch.tensor([torch.nan, 0.0, 1.0])
    assert Reading(RATES, 1, 1, torch.tensor([1.0, 0.0, 2.0]), nothing).ratio.tolist() == [torch.inf, torch.inf, 0.5]


@given(st.integers(1, 500))
def test_likely_is_the_smallest_value_with_that_share_below(count: int) -> None:
    values = torch.randperm(count).double()[None, :, None]
    found = float(likely(values))
    at_most = int((values <= found).sum())
    assert at_most >= LIKELY * count - 1e-6
    assert at_most - 1 < LIKELY * count


def test_errors_of_codes_on_a_table_by_hand() -> None:
    true = torch.tensor([[1.0, 1.0], [1.0, 0.0], [0.0, 2.0], [0.0, 0.0]])[None, :, None]
    own = torch.tensor([[1.0, 0.0], [4.0, -1.0], [0.0, 0.0], [0.0, 3.0]])[None, :, None]
    found = {name: float(value) for name, value in code_errors(own, true).items()}
    # rates 1/2, 1/4 against 1/2, 1/2; means 5/4, 3/4 against 1/2, 3/4; pairs 1/4 against 0, over 1/2 * 3/4 and 1/2 * 1/2
    assert found == pytest.approx({RATES: 0.5, MEANS: 1.5, PAIRS: 1.0})


@pytest.mark.parametrize("name", [RATES, MEANS, PAIRS, FALLS])
def test_four_times_the_samples_halve_the_noise(name: str) -> None:
    assert noise(name, 8, 0.125, 4000) == pytest.approx(noise(name, 8, 0.125, 1000) / 2)
    assert noise(READS, 8, 0.125, 1000) == 0.0


def test_the_allowance_enters_all_groups_but_the_bare_one() -> None:
    parameters = Parameters()
    one = torch.ones(1, dtype=torch.float64)
    found = [Reading(PAIRS, 1, 1, one, 2 * one)]
    allowed = largest(found, "codes", parameters)
    assert allowed is not None
    assert float(allowed) == pytest.approx(2 / (1 + 4 * noise(PAIRS, 8, 0.125, parameters.num_samples)))
    assert largest(found, "codes alone", parameters) == 2.0
    assert largest(found, "rows", parameters) is None


def test_a_learner_that_cannot_begin_misses_every_claim() -> None:
    (seen,) = algorithm_4_runs._observed(Parameters(), NotBegun([{"margin": 1.0}], [0]))
    assert {name: found.value for name, found in seen.measurements.items()} == dict.fromkeys(GROUPS, torch.inf)


def test_the_loop_is_the_learner_and_a_loop_without_line_5_is_not() -> None:
    (seen,) = run(TINY, [3], "cpu")
    assert seen.measurements["difference"].value < 1e-14
    assert seen.measurements["length"].value == 0
    assert seen.counts["steps"] == planned(TINY.settings, 2) == 6
    (other,) = run(replace(TINY, line_5=False), [3], "cpu")
    assert other.measurements["difference"].value > 1e-3


def test_stages_are_parameters_of_the_printed_schedule_too() -> None:
    found = replace(PRINTED, first_stages=3, higher_stages=2).settings
    assert (found.schedule, found.stages(1), found.stages(2), found.last_raise) == ("printed", 3, 2, 7.0)
    with pytest.raises(InputError, match="task must be"):
        Parameters(task="guess")


def test_both_ends_of_every_edge_are_nodes() -> None:
    nodes = {(level, name) for level, names in chain(3) for name in names}
    for level in (1, 2, 3):
        for one in (*edges(level), *lemma_graph.UNREAD):
            if level < 3 or one.name != BELOW:
                for end in ends(level, one):
                    assert end in nodes or (level == 1 and one in lemma_graph.UNREAD)


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)).filter(lambda one: one[0] != one[1]), unique=True))
def test_arrows_side_by_side_have_lanes_of_their_own(arrows: list[tuple[int, int]]) -> None:
    lanes = assign_lanes(arrows)
    assert set(lanes) == set(arrows)
    for one in arrows:
        assert (lanes[one] == 0) == (one[1] - one[0] == 1)
        for other in arrows:
            if one != other and lanes[one] == lanes[other] > 0:
                assert max(one) < min(other) or max(other) < min(one)


@pytest.mark.parametrize(("measured", "state"), [(1.0, HOLDS), (1.3, NOISY), (1.5, BREAKS)])
def test_an_edge_holds_or_breaks(measured: float, state: str) -> None:
    assert Cell(1, measured, 1.0, 0.1).state == state


def case(parameters: Parameters, measured: float, breaks: str) -> Case:
    """Two trials in which every edge of level 1 measures the same, ``breaks`` a hundred times that."""
    found = {}
    for stage, one in ((stage, one) for stage in (0, 1, 2) for one in edges(1)):
        factor = (1 + stage) * (100 if one.name == breaks else 1)
        found[key(one.name, 1, stage, "measured")] = Measurement(factor * measured)
        found[key(one.name, 1, stage, "required")] = Measurement(1.0)
    seen = Observation({}, found)
    return Case(parameters, [Trial("graph", {}, seed, seen) for seed in SEEDS])


def test_the_drawing_tells_what_breaks_under_which_schedule() -> None:
    cases: Any = [case(START, 0.1, BELOW), case(PRINTED, 0.2, ROWS), Case(TINY, [])]
    (drawing,) = draw(SimpleNamespace(cases=cases))  # type: ignore[arg-type]
    assert f"working schedule these edges break: {BELOW} on level 1 (30 against 1)." in drawing.description
    assert f"printed schedule these edges break: {ROWS} on level 1 (60 against 1)." in drawing.description
    assert len(drawing.table.splitlines()) == 1 + 2 * len(edges(1))
    texts = [text.get_text() for text in drawing.figure.axes[0].texts]
    assert f"30 {BREAKS} 1" in texts
    assert texts.count(f"0.3 {HOLDS} 1") == len(edges(1)) - 1


def test_every_row_stands_once_and_in_order() -> None:
    found = rows([case(START, 0.1, BELOW)])
    places, texts, height = layout(found, 2)
    assert [row.name for row, _ in texts] != []
    assert sorted(row.name for row, _ in texts) == sorted(one.name for one in edges(1))
    heights = [place.height for place in places]
    assert heights == sorted(heights)
    assert heights[-1] < height


def test_edges_are_found_by_name() -> None:
    assert edge(2, WITHIN).source == "l.2372"
    with pytest.raises(KeyError):
        edge(1, WITHIN)
