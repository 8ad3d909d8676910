"""The driver of the mutation tests: the draw, the choice of tests, the report. The tool itself is not run."""

from pathlib import Path

import pytest

from tests.mutants.campaigns import CAMPAIGNS, FULL_SECONDS, Reach, own_tests, paths_of_tests, source_of
from tests.mutants.findings import Change, Reason, change_of, load_reasons, place_of
from tests.mutants.report import NO_REASON, Finding, Survivor, rate_with_interval, write_report

ROOT = Path(__file__).parents[2]
EVIDENCE, NUMERICS, *_ = CAMPAIGNS
FOLDERS = ("gaussian", "model", "training")
NAMES = [f"fsrcheck.gaussian.balls.x_f__mutmut_{number}" for number in range(1000)]
DIFF = """--- fsrcheck/evidence/bound.py
+++ fsrcheck/evidence/bound.py
@@ -1,3 +1,3 @@
 def judge(self):
-    return low < high
+    return low <= high
"""
BOUND = "fsrcheck.evidence.bound.xǁBoundǁjudge__mutmut_1"
COMPARED = change_of(BOUND, DIFF)
REASON = Reason("evidence.bound", "the limits are never equal", "low < high", "<=")


class TestDraw:
    def test_a_seed_gives_one_draw_whatever_the_order_of_the_names(self) -> None:
        assert NUMERICS.draw(NAMES, 3) == NUMERICS.draw(NAMES[::-1], 3)
        assert NUMERICS.draw(NAMES, 3) != NUMERICS.draw(NAMES, 4)

    def test_a_sample_has_its_size_and_no_mutant_twice(self) -> None:
        assert len(set(NUMERICS.draw(NAMES, 0))) == NUMERICS.sample == 150
        assert sorted(NUMERICS.draw(NAMES[:7], 0)) == NAMES[:7]

    def test_the_parts_of_the_numerics_are_parts_of_one_sample(self) -> None:
        names = [f"fsrcheck.{folder}.one.x_f__mutmut_{number}" for folder in FOLDERS for number in range(200)]
        parts = [campaign.draw(names, 0) for campaign in CAMPAIGNS[1:]]
        assert sum(map(len, parts)) == 150
        assert all(name.split(".")[1] == folder for folder, part in zip(FOLDERS, parts, strict=True) for name in part)

    def test_all_mutants_come_in_random_order(self) -> None:
        drawn = EVIDENCE.draw(NAMES, 0)
        assert sorted(drawn) == sorted(NAMES)
        assert drawn != sorted(NAMES)

    def test_every_source_of_the_verification_tower_is_mutated(self) -> None:
        files = EVIDENCE.files(ROOT)
        assert {"fsrcheck/statement.py", "fsrcheck/evidence/bound.py"} <= {*files}
        assert len(files) == len([*(ROOT / "fsrcheck/evidence").glob("*.py")])  # its __init__ is none, statement is one


class TestChoice:
    def test_a_source_has_the_tests_that_mirror_it(self) -> None:
        assert own_tests("fsrcheck/evidence/bound.py", ROOT) == "tests/evidence/test_bound.py"
        assert own_tests("fsrcheck/statement.py", ROOT) == "tests/test_statement.py"
        assert own_tests("fsrcheck/evidence/monomials.py", ROOT) == "tests/evidence"

    def test_all_mutants_face_the_tests_of_their_packages_and_a_sample_its_own(self) -> None:
        statement = "fsrcheck.statement.x_f__mutmut_1"
        assert paths_of_tests(EVIDENCE, [BOUND, statement], ROOT) == ["tests/evidence", "tests/test_statement.py"]
        assert paths_of_tests(NUMERICS, NAMES, ROOT) == ["tests/gaussian/test_balls.py"]
        without_own = "fsrcheck.gaussian.quadrature.x_f__mutmut_1"
        assert paths_of_tests(NUMERICS, [*NAMES, without_own], ROOT) == ["tests/gaussian"]

    def test_the_screen_is_quick_and_own_and_the_rest_comes_after(self) -> None:
        function = source_name(BOUND)
        mine, slow, other = (f"tests/evidence/test_{name}" for name in ("bound.py::a", "bound.py::b", "claim.py::c"))
        reach = Reach({function: [other, slow, mine]}, {mine: 0.9, slow: 4.9, other: 0.8})
        assert reach.screen(ROOT) == {function: [mine, other]}
        assert reach.full() == {function: [other, mine, slow]}

    def test_without_own_tests_the_others_are_taken_and_never_none(self) -> None:
        other = "tests/evidence/test_claim.py::c"
        reach = Reach({source_name(BOUND): [other]}, {other: 2 * FULL_SECONDS})
        assert reach.screen(ROOT) == reach.full() == {source_name(BOUND): [other]}

    def test_what_was_known_of_reach_is_kept(self) -> None:
        old, new = Reach({"f": ["a"], "g": ["b"]}, {"a": 1.0, "b": 1.0}), Reach({"f": ["c"]}, {"a": 2.0, "c": 3.0})
        assert old.joined(new) == Reach({"f": ["a", "c"], "g": ["b"]}, {"a": 2.0, "b": 1.0, "c": 3.0})


class TestReasons:
    def test_a_change_is_read_from_the_diff(self) -> None:
        assert Change("evidence.bound.Bound.judge", "return low < high", "return low <= high") == COMPARED
        assert place_of("fsrcheck.statement.x__check__mutmut_2") == "statement._check"
        assert source_of(BOUND) == "fsrcheck/evidence/bound.py"

    @pytest.mark.parametrize(
        ("old", "new", "text_only"),
        [
            ('raise E("no")', 'raise E("XXnoXX")', True),
            ('f"{a} is", b', 'f"{a} IS", b', True),
            ('raise E("no")', "raise E(None)", False),
            ('join("a", 1', 'join("b", 1', True),
            ('("a", 1)', '("a", 2)', False),
        ],
    )
    def test_text_only_means_nothing_else_differs(self, old: str, new: str, text_only: bool) -> None:
        assert Change("somewhere", old, new).text_only is text_only

    def test_a_reason_covers_its_place_and_its_change_alone(self) -> None:
        assert REASON.covers(COMPARED)
        assert not REASON.covers(Change("evidence.boxes.f", COMPARED.old, COMPARED.new))
        assert not REASON.covers(Change(COMPARED.place, COMPARED.old, "return low > high"))

    def test_a_reason_may_be_about_what_a_mutant_takes_away(self) -> None:
        reason = Reason("", "lengths agree", gone="strict=True")
        assert reason.covers(Change("a", "zip(x, y, strict=True)", "zip(x, y)"))
        assert not reason.covers(Change("a", "zip(x, y, strict=True)", "zip(y, x, strict=True)"))
        assert not reason.covers(Change("a", "zip(x, y)", "zip(x)"))

    def test_the_stored_reasons_can_be_read(self, tmp_path: Path) -> None:
        assert all(reason.reason for reason in load_reasons())
        stored = tmp_path / "reasons.toml"
        stored.write_text('[[survivor]]\nplace = "a"\nold = "b"\nnew = "c"\nreason = "d"\nequivalent = true\n')
        assert load_reasons(stored) == [Reason("a", "d", "b", "c", equivalent=True)]


class TestReport:
    def test_it_counts_what_was_run_and_says_what_was_not(self) -> None:
        assert "| evidence | 5 | 4 | 2 | 1 | 2 | 1 | 50.0 % (6.8 to 93.2) | 1 | 66.7 %" in report()

    def test_a_reason_is_kept_in_a_new_run_and_a_missing_one_is_seen(self) -> None:
        assert f"| {REASON.reason} |" in report(reasons=[REASON])
        assert NO_REASON not in report(reasons=[REASON])
        assert f"| {NO_REASON} |" in report()

    def test_equivalent_mutants_are_named_and_leave_the_second_rate_alone(self) -> None:
        equivalent = Reason("evidence", "no test could tell", equivalent=True)
        assert "| equivalent: no test could tell |" in report(reasons=[equivalent])
        assert "50.0 % (6.8 to 93.2) | 0 | 100.0 %" in report(reasons=[equivalent])

    def test_what_met_its_own_tests_only_is_marked(self) -> None:
        assert "(its own quick tests only)" in report(screened=True)
        assert "(its own quick tests only)" not in report()

    def test_the_parts_of_a_sample_are_added_up(self) -> None:
        parts = [Finding(name, {name: code}, (), is_sample=True) for name, code in (("a", 1), ("b", 0))]
        text = write_report(parts, [], seed=0, version="3")
        assert "| the sample together | 2 | 2 | 1 | 0 | 1 | 0 | 50.0 %" in text
        assert "together" not in write_report(parts[:1], [], seed=0, version="3")

    def test_a_rate_has_its_exact_interval(self) -> None:
        assert rate_with_interval(0, 0) == "-"
        assert rate_with_interval(10, 10) == "100.0 % (69.2 to 100.0)"  # 0.025 ** (1 / 10)


def source_name(mutant: str) -> str:
    return mutant.partition("__mutmut_")[0]


def report(*, reasons: list[Reason] | None = None, screened: bool = False) -> str:
    verdicts = {BOUND: 0, **dict(zip(NAMES, [1, -24, 33, None], strict=False))}
    unreached = Survivor(NAMES[2], Change("gaussian.balls.f", 'say("a")', 'say("b")'))
    finding = Finding("evidence", verdicts, [Survivor(BOUND, COMPARED, screened), unreached])
    return write_report([finding], reasons or [], seed=0, version="3")
