r"""Do codes of image patches meet Assumptions 2.2 and 2.3? One study of one set of pictures, and of its controls.

The measurable forms. Patches of p x p pixels of whole pictures, each pooled to a shorter side of about 200 pixels; whitened
(``whitening``); an orthonormal dictionary learned by FastICA on half of the pictures; one-sided codes of k = 2 active channels in
the mean (``patch_codes``) and everything measured on the other pictures, what is a largest over pairs or triples being chosen
on half of their patches and measured on the rest (``patch_constants``); intervals by drawing the measured pictures again. The
limits below were fixed before anything was measured; where the thresholds are chosen was not (``patch_codes`` says why).

- Assumption 2.2: each constant against the limit that ``fsrcheck.model.premises`` has for k = 2: m Pr[S_p > 0] <= 2k and
  m E S_p >= 1/(4k) for all p (met by choice), the 0.99 quantiles of |S|_inf and |S|_0, m^2 Pr[S_p, S_q > 0] <= 4 k^2,
  m^2.01 Pr[three] <= 1. Met when the far end of the interval is within the limit, missed when the near end is beyond it.
- "the coefficients are very sparse" (l.135): the number of coefficients that hold 90 % of a patch's energy (mean over patches)
  under the learned dictionary is at most 0.8 times that under a random rotation of the same whitened patches.
- "nearly orthogonal" (l.135): the learned features have, in pixels, at most half the mean square cosine of random features
  (rotations of the same whitened space). In whitened coordinates they are orthonormal by construction.
- Shared contrast: e = sum Pr[both] / sum Pr Pr over pairs of channels, 1 for independent ones; at least 1.5 says "positively
  correlated". Contrast is the cause when e - 1 of contrast-normalised patches is at most half that of the pictures, and that
  of the scale mixture, which knows contrasts alone, at least half.
- Assumption 2.3: as 2.2: slopes Pr[S_p <= delta | S_p > 0] / delta, and given that another channel is active, at most 4,
  m^1.15 sigma_min(mu) >= 1/4, Pr[both] <= (1 - 1/d) min Pr. The lower limit on Pr[both] would need more patches than there are.

The synthetic sparse control goes the same way and must meet every limit.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from fsrcheck.errors import InputError
from fsrcheck.images import patch_controls
from fsrcheck.images.patch_codes import CodeReader, code_reader, energy_count
from fsrcheck.images.patch_constants import Chosen, Estimate, estimates, mean_statistic, ratio_statistic, statistics
from fsrcheck.images.patch_counts import PictureMeans, picture_means
from fsrcheck.images.patch_dictionaries import PatchDictionary, algorithm_5, fast_ica, random_basis
from fsrcheck.images.patches import Halves, patch_halves, split_pictures
from fsrcheck.images.pictures import Picture
from fsrcheck.images.whitening import Whitening, whitening_of

PICTURES, GAUSSIAN, SCRAMBLED, NORMALISED, MIXTURE, SPARSE = (
    "pictures",
    "gaussian",
    "phase scrambled",
    "contrast normalised",
    "scale mixture",
    "sparse",
)
CONTROLS = (GAUSSIAN, SCRAMBLED, NORMALISED, MIXTURE, SPARSE)
SPHERICAL = (GAUSSIAN, MIXTURE)
"""Their whitened law is the same in every rotation: there is nothing to learn, and a random rotation is as good as any."""
ENERGY = 0.9
"""Share of a patch's energy that its coefficients are counted for."""
READ_ABOVE = 2.0
"""The sparse control has so many times k active: what is read as active is then above the noise of its silent channels."""


@dataclass(frozen=True)
class StudySettings:
    """What is cut and read.

    Attributes:
        patch_side: p, in pixels.
        expected_active: k, the mean number of active channels.
        patches_per_picture: on either side of the split.
        learned_patches: patches, at most, that FastICA sees.
        power: see ``CodeReader``.
        twice: as a control, read the first atom as the second one as well.
    """

    patch_side: int = 8
    expected_active: float = 2.0
    patches_per_picture: int = 8192
    learned_patches: int = 12_000
    power: int = 1
    twice: bool = False

    def __post_init__(self) -> None:
        """Refuse numbers that no study can have."""
        for name, least in (("patch_side", 3), ("patches_per_picture", 100), ("learned_patches", 100), ("power", 1)):
            if getattr(self, name) < least:
                raise InputError(f"{name} must be at least {least}, got {getattr(self, name)}")
        if not self.expected_active > 0:
            raise InputError(f"expected_active must be above 0, got {self.expected_active}")


@dataclass(frozen=True, eq=False)
class Study:
    """What one set of patches says.

    Attributes:
        name: ``PICTURES`` or one of ``CONTROLS``.
        reader: whitening, dictionary, threshold.
        converged: whether FastICA came to an end.
        means: counts of the measured pictures.
        chosen: the pair and triple that were chosen beforehand.
        constants: by name; see ``patch_constants.statistics``, and ``energy_count``, ``energy_ratio``, ``kurtosis``.
        coherence, random_coherence: mean square cosine of two features in pixels, learned and random.
    """

    name: str
    reader: CodeReader
    converged: bool
    means: PictureMeans
    chosen: Chosen
    constants: dict[str, Estimate]
    coherence: float
    random_coherence: float


Step = Callable[[str], None]


def study_pictures(
    pictures: Sequence[Picture],
    settings: StudySettings,
    seed: int,
    *,
    names: Sequence[str] = (PICTURES, *CONTROLS),
    step: Step = lambda name: None,
) -> dict[str, Study]:
    """Study the named ones of pictures and controls, a function of the seed. ``step`` is told each name before its turn.

    Raises:
        InputError: too few pictures, pictures smaller than a patch, or patches that do not vary.
    """
    learn, test = split_pictures(pictures, seed)
    side, number = settings.patch_side, settings.patches_per_picture
    halves = patch_halves(learn, test, side, number, seed)
    whitening = whitening_of(halves.learn)

    def scrambled() -> Halves:
        first, second = ([patch_controls.phase_scrambled_picture(one, seed) for one in part] for part in (learn, test))
        return patch_halves(first, second, side, number, seed)

    sources: dict[str, Callable[[], Halves]] = {
        PICTURES: lambda: halves,
        GAUSSIAN: lambda: patch_controls.gaussian(halves, whitening, seed),
        SCRAMBLED: scrambled,
        NORMALISED: lambda: patch_controls.contrast_normalised(halves, whitening),
        MIXTURE: lambda: patch_controls.scale_mixture(halves, whitening, seed),
        SPARSE: lambda: patch_controls.sparse(halves, READ_ABOVE * settings.expected_active, seed),
    }
    found = {}
    for name in names:
        step(name)
        found[name] = study_patches(name, sources[name](), settings, seed)
    return found


def study_patches(name: str, halves: Halves, settings: StudySettings, seed: int) -> Study:
    """Whiten, learn, read, count and estimate; nothing is learned of ``SPHERICAL`` data."""
    whitening = whitening_of(halves.learn)
    turn = random_basis(whitening.rank, seed).to(halves.learn)
    if name in SPHERICAL:
        learned = PatchDictionary(turn, True)
    else:
        learned = fast_ica(whitening.whiten(_thinned(halves.learn, settings.learned_patches)), seed)
    atoms = learned.atoms[:, [0, 0, *range(2, whitening.rank)]] if settings.twice else learned.atoms
    reader = code_reader(whitening, atoms, halves.test, settings.expected_active, settings.power)
    readings = reader.readings(halves.test)
    codes = reader.codes(readings)
    chosen = Chosen.on(picture_means(codes[:, ::2]))
    means = picture_means(codes[:, 1::2])
    other = random_basis(whitening.rank, seed, "another").to(readings)
    constants = estimates(
        statistics(means, chosen) | _sparsity(readings, whitening.whiten(halves.test) @ other), means.num_pictures, seed
    )
    return Study(
        name,
        reader,
        learned.converged,
        means,
        chosen,
        constants,
        coherence(whitening, atoms),
        coherence(whitening, other),
    )


def _thinned(patches: Tensor, number: int) -> Tensor:
    """At most about ``number`` patches, the same share of every picture, (sample, dim)."""
    each = max(1, number // len(patches))
    return patches[:, :each].flatten(0, 1)


def _sparsity(readings: Tensor, random: Tensor) -> dict[str, Callable[[Tensor], Tensor]]:
    """What does not need a threshold; readings (picture, sample, channel) of the dictionary and of a rotation by chance."""
    own, other = (energy_count(values, ENERGY).to(values).mean(dim=1) for values in (readings, random))
    fourth, second = (readings.pow(power).mean(dim=1) for power in (4, 2))

    def kurtosis(weights: Tensor) -> Tensor:
        even = weights.to(readings)
        return ((even @ fourth) / (even @ second).square()).mean(dim=1)

    return {"energy_count": mean_statistic(own), "energy_ratio": ratio_statistic(own, other), "kurtosis": kurtosis}


def coherence(whitening: Whitening, atoms: Tensor) -> float:
    """Mean square cosine of two different features, as pixels, of orthonormal atoms (rank, channel)."""
    features = torch.nn.functional.normalize(atoms.mT @ whitening.backward, dim=1)
    cosines = features @ features.mT
    count = len(cosines) * (len(cosines) - 1)
    return float((cosines.square().sum() - cosines.diagonal().square().sum()) / count)


def algorithm_5_columns(pictures: Sequence[Picture], settings: StudySettings, seed: int, max_iterations: int) -> int:
    """How many columns Algorithm 5 finds in the patches that FastICA learns from, of as many as there are directions."""
    learn, test = split_pictures(pictures, seed)
    halves = patch_halves(learn, test, settings.patch_side, settings.patches_per_picture, seed)
    patches = _thinned(halves.learn, settings.learned_patches)
    return algorithm_5(whitening_of(halves.learn), patches, seed, max_iterations).atoms.shape[1]
