from dataclasses import replace
from importlib.metadata import version

import pytest

from fsrcheck.report.page import render_page
from fsrcheck.report.surroundings import all_versions, replay_all, run_facts


def test_every_version_that_a_verdict_may_hang_on_is_told():
    found = all_versions()
    assert {"python", "fsrcheck", "numpy", "scipy", "torch", "sympy", "python-flint", "matplotlib"} == set(found)
    assert found["sympy"] == version("sympy")


def test_one_command_repeats_a_run_of_everything(results, registry):
    assert replay_all(results, registry) == "fsrcheck report --scale quick --seed 7 --device cpu"
    assert replay_all(results, registry) in render_page(results, registry).html


@pytest.mark.parametrize(
    "change",
    [
        lambda run: run[:1],
        lambda run: [run[0], replace(run[1], seed=8)],
        lambda run: [run[0], replace(run[1], scale="full")],
        lambda run: [replace(run[0], settings={"bias": "0.1"}), run[1]],
        lambda run: [],
    ],
)
def test_where_no_single_command_does_none_is_told(results, registry, change):
    assert replay_all(change(list(results)), registry) == ""


def test_what_was_set_by_hand_is_told(results, registry):
    facts = run_facts([replace(results[0], settings={"bias": "0.1"}), results[1]])
    assert facts["Set by hand"] == "bias = 0.1"
    assert "Set by hand" not in run_facts(results)
    assert facts["Trials"] == str(sum(result.trials for result in results))
