"""Who is compared, with which settings: as many for each as for any other, but for what has none."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from fsrcheck.model.gaussian_copula import RATES, SCORES
from fsrcheck.model.sampler import NetworkSampler
from fsrcheck.training.level_samples import GivenSamples
from fsrcheck.training.minmax_gan import learn
from fsrcheck.training.minmax_settings import MinmaxSettings, Structure
from fsrcheck.training.peer_copula import CopulaSettings, fit_peer_copula, learn_dictionaries
from fsrcheck.training.peer_gan import GanSettings, train_peer_gan
from fsrcheck.training.peer_resampling import PatchResampler
from fsrcheck.training.peer_tuning import Features, Fit
from fsrcheck.training.peers import fast_ica

TRUTH = "the target itself"
ALGORITHM_4, COPULA, GAN, RESAMPLING = "Algorithm 4", "FastICA + copula", "multi-scale GAN", "patch by patch"
PEERS = (COPULA, GAN, RESAMPLING)
CONTENDERS = (TRUTH, ALGORITHM_4, *PEERS)
"""In the order in which they are shown; what each knows is said in ``generators_report``."""

MINMAX = {
    "as it is": MinmaxSettings(),
    "3 stages": MinmaxSettings(first_stages=3, higher_stages=3),
    "twice the steps of Algorithm 3": MinmaxSettings(super_steps=1200, closing_steps=4000),
}
COPULAS = {
    "scores, cutoff 0.05": CopulaSettings(0.05, SCORES),
    "scores, cutoff 0.1": CopulaSettings(0.1, SCORES),
    "rates, cutoff 0.1": CopulaSettings(0.1, RATES),
}
GANS = {f"penalty {penalty:g}": GanSettings(penalty=penalty) for penalty in (0.1, 0.3, 1.0)}


def candidates(structure: Structure, gan_steps: int) -> dict[str, list[tuple[str, Fit]]]:
    """For every contender its settings by name, as fits."""
    return {
        ALGORITHM_4: [(name, _algorithm_4(structure, settings)) for name, settings in MINMAX.items()],
        COPULA: [(name, _copula(structure.num_channels, settings)) for name, settings in COPULAS.items()],
        GAN: [(name, _gan(replace(settings, num_steps=gan_steps))) for name, settings in GANS.items()],
        RESAMPLING: [("nothing to set", lambda patches, seeds: PatchResampler(patches))],
    }


def dictionary_features(patches: Sequence[Tensor], num_channels: Sequence[int], seeds: Sequence[int]) -> Features:
    """What tuning shows to the classifier: all patches as FastICA's columns read them, found once for everybody.

    Trees split along coordinates, so that they see more in codes than in patches.
    """
    dictionaries = learn_dictionaries(patches, num_channels, seeds, lambda x, size, seed: fast_ica(x, size, seed=seed))

    def features(samples: Sequence[Tensor]) -> Tensor:
        pairs = zip(dictionaries, samples, strict=True)
        return torch.cat([torch.einsum("bjdp,bnjd->bnjp", one, level).flatten(2) for one, level in pairs], dim=2)

    return features


def _algorithm_4(structure: Structure, settings: MinmaxSettings) -> Fit:
    return lambda patches, seeds: NetworkSampler(
        learn(GivenSamples(patches), structure, settings, seeds=seeds).network, "Algorithm 4: latents"
    )


def _copula(num_channels: Sequence[int], settings: CopulaSettings) -> Fit:
    return lambda patches, seeds: fit_peer_copula(patches, num_channels, seeds, settings)


def _gan(settings: GanSettings) -> Fit:
    return lambda patches, seeds: train_peer_gan(patches, seeds, settings)
