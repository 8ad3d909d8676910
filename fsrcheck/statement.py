"""A statement of a paper: the one object that drives pytest, the command line, sweeps, the report and the API."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from enum import Enum
from pathlib import Path
from typing import Any, Protocol

from fsrcheck.errors import InputError
from fsrcheck.evidence.claim import Claim
from fsrcheck.evidence.constants import Constant
from fsrcheck.evidence.outcome import Verdict
from fsrcheck.evidence.trial import Observation

SCALES = ("quick", "standard", "full")


class Kind(Enum):
    """What the paper calls the statement."""

    ALGORITHM = "algorithm"
    ASSUMPTION = "assumption"
    CHOICE = "choice"
    CLAIM = "claim"
    DEFINITION = "definition"
    FACT = "fact"
    FIGURE = "figure"
    IDENTITY = "identity"
    INDUCTION = "induction"
    INVARIANT = "invariant"
    LEMMA = "lemma"
    PROPOSITION = "proposition"
    REMARK = "remark"
    SETTING = "setting"
    THEOREM = "theorem"


class Defect(Enum):
    """What is wrong with a printed form."""

    FALSE_STATEMENT = "false statement"
    PROOF_GAP = "gap or error in the proof of a true statement"
    MISPRINT = "misprint"
    CONVERSION_SLIP = "probable slip of the text's conversion from PDF"


@dataclass(frozen=True)
class Counterexample:
    """The printed form at one point: what it says, what is the case, and whether the two contradict.

    Attributes:
        point: the instance in words, small enough to check by hand or in a second.
        printed: value that the printed form gives or allows.
        actual: value that is the case.
        contradicts: the result of the comparison, computed, never written down.
    """

    point: str
    printed: float
    actual: float
    contradicts: bool


@dataclass(frozen=True)
class Erratum:
    """One wrong printed form.

    Attributes:
        defect: its class.
        problem: one sentence.
        proof_step: the step of the proof that fails, or where the misprint stands.
        counterexample: recomputes the counterexample in under a second; None for a defect of a proof alone.
        repaired_form: the corrected statement.
        corrected_in: a later version of the paper that has it right, if any.
    """

    defect: Defect
    problem: str
    proof_step: str
    repaired_form: str
    counterexample: Callable[[], Counterexample] | None = None
    corrected_in: str = ""

    @property
    def refutes(self) -> bool:
        """Whether the statement itself is false as printed, and not only a proof or a remark beside it."""
        return self.defect is Defect.FALSE_STATEMENT or (
            self.defect is Defect.MISPRINT and self.counterexample is not None
        )


@dataclass(frozen=True)
class Control:
    """A run in which one named premise or setting is broken, so that a claim must come out VIOLATED.

    Attributes:
        name: a short name.
        breaks: what is broken, in words.
        claim: name of the claim that must be violated.
        changes: the parameters that are changed. The claim is still judged at the nominal parameters.
        base: picks the nominal case: the first one with these values.
        premises: the premises that must be seen to fail and are then waived; none if a setting is broken.
        trials: how many; enough for a miss with probability at most 1e-3.
        every_case: break all nominal cases with these values instead of the first one (an exponent needs several sizes).
        altered_claim: for claims without trials (or about a constant): the claim with one thing broken in it.
    """

    name: str
    breaks: str
    claim: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    base: Mapping[str, Any] = field(default_factory=dict)
    premises: tuple[str, ...] = ()
    trials: int = 16
    every_case: bool = False
    altered_claim: Claim | None = None


class Run(Protocol):
    """Builds the instances of a batch of seeds and runs the statement's stage on them."""

    def __call__(self, parameters: Any, seeds: Sequence[int], device: str) -> Sequence[Observation]:
        """Return one observation per seed; everything random is a function of that seed."""


@dataclass(frozen=True)
class NoParameters:
    """Parameters of a statement that needs no trials."""


def no_trials(parameters: Any, seeds: Sequence[int], device: str) -> Sequence[Observation]:
    """The ``run`` of a statement whose claims look at no trials."""
    return []


@dataclass(frozen=True, eq=False)
class Statement:
    """One numbered result, assumption, definition, algorithm or figure of a paper.

    Attributes:
        id: ``paper.number``, such as ``fsr.A.1``.
        label: as the paper calls it, such as ``Lemma A.1``.
        kind, title: what it is.
        printed: the printed form; LaTeX between dollar signs.
        checkable: what is asserted here, with explicit constants.
        source: section and lines of the paper's text.
        evidence: how it is decided, in words ("measured on samples", "symbolic").
        claims, controls, errata: see there.
        expected: what the verdict ought to be; reviewed like code.
        parameters: frozen dataclass of the lemma module.
        batch: the largest number of instances that ``run`` is given at once.
        cases: the parameters to run at each scale.
        trials: the number of trials in each case at each scale.
        run: see ``Run``.
        constants: those printed or derived; fitted ones live in the package's data file.
        departures: what the working form does differently from the paper.
        reason: why the verdict is expected to be OPEN or INCONCLUSIVE, if it is.
        adopt_target: reads a user's own instance and returns the parameters to check it with, or a list of several
            (one for each level, say); None if the statement cannot take one.
        figure: draws this statement's own plots from its result; None for the standard scaling plot.
        requires: ids of statements whose conclusions are premises of this one.
    """

    id: str
    label: str
    kind: Kind
    title: str
    printed: str
    checkable: str
    source: str
    evidence: str
    claims: tuple[Claim, ...]
    expected: Verdict
    controls: tuple[Control, ...] = ()
    errata: tuple[Erratum, ...] = ()
    parameters: type = NoParameters
    batch: int = 32
    cases: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    trials: Mapping[str, int] = field(default_factory=dict)
    run: Run = no_trials
    constants: tuple[Constant, ...] = ()
    departures: tuple[str, ...] = ()
    reason: str = ""
    adopt_target: Callable[[Path], Any] | None = None
    figure: Callable[[Any], Any] | None = None
    requires: tuple[str, ...] = ()

    @property
    def paper(self) -> str:
        """Id of the paper, the part before the first dot."""
        return self.id.split(".", 1)[0]

    @property
    def needs_trials(self) -> bool:
        """Whether any claim looks at trials."""
        return self.run is not no_trials

    @property
    def is_deduced(self) -> bool:
        """Whether the verdict rests on no trials: there are none, or they are a search that corroborates a proof."""
        return not self.needs_trials or any(getattr(claim, "corroborates", False) for claim in self.claims)

    def cases_at(self, scale: str, settings: Mapping[str, str] | None = None, target: Path | None = None) -> list[Any]:
        """The parameters to run at ``scale``, with the user's settings applied and duplicates dropped.

        Raises:
            InputError: unknown scale or setting, a value of the wrong type, a target the statement cannot take, or
                anything to set where no trials are made.
        """
        if not self.needs_trials and (settings or target):
            raise InputError(f"{self.id} has no parameters to set: it needs no trials")
        if scale not in SCALES:
            raise InputError(f"scale must be one of {', '.join(SCALES)}, got {scale!r}")
        cases = list(self.cases.get(scale, self.cases.get("quick", ())))
        if target is not None:
            if self.adopt_target is None:
                raise InputError(f"{self.id} takes no target of your own")
            adopted = self.adopt_target(target)
            cases = adopted if isinstance(adopted, list) else [adopted]
        changes = parse_settings(self.parameters, settings or {})
        return list(dict.fromkeys(replace(case, **changes) for case in cases))

    def trials_at(self, scale: str) -> int:
        """Number of trials in each case at ``scale``."""
        return self.trials.get(scale, self.trials.get("quick", 0))


def parse_settings(parameters: type, settings: Mapping[str, str]) -> dict[str, Any]:
    """Convert ``name=value`` strings to the types of the parameter dataclass.

    Raises:
        InputError: an unknown name (the known ones are listed) or a value that does not convert.
    """
    kinds = {item.name: item.type for item in fields(parameters)}
    return {name: _convert(name, text, kinds) for name, text in settings.items()}


def _convert(name: str, text: str, kinds: Mapping[str, Any]) -> Any:
    if name not in kinds:
        known = ", ".join(sorted(kinds)) or "nothing"
        raise InputError(f"--set must name one of {known}, got {name!r}")
    kind = kinds[name]
    try:
        if kind is bool:
            return {"true": True, "false": False}[text.lower()]
        return kind(text)
    except (KeyError, ValueError):
        raise InputError(f"{name} must be of type {kind.__name__}, got {text!r}") from None


@dataclass(frozen=True, eq=False)
class Paper:
    """A package of statements: what an entry point of the group ``fsrcheck.papers`` names.

    Attributes:
        id: short name, the first part of every statement id.
        title, authors: of the paper.
        statements: all of them.
        constants_file: the data file of fitted constants, written by ``fsrcheck calibrate``.
        text: which text of the paper was read, whose lines are cited, and which versions were not.
    """

    id: str
    title: str
    authors: str
    statements: tuple[Statement, ...]
    constants_file: Path | None = None
    text: str = ""
