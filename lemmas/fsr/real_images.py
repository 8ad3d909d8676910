r"""Figures 3, 7 and 8 on networks trained on pictures. OPEN: the forms are fixed, the runs are still to be made.

Setting: deconvolutional generators (DCGAN) with four hidden layers, trained on LSUN Church; their data, weights and training runs
are not part of the paper. (``fsr.fig.3`` and so on are the synthetic analogues. Figures 1, 2, 4, 5 and 6 on pictures are in
``image_structure``, ``image_features``, ``image_locality`` and ``image_moments``.)

Algorithm: the networks of ``lemmas.fsr.image_networks`` at scale standard, five seeds; what is said must hold for each. Arms that
are compared have the same number of steps of the highest level, the same batches and the same discriminator.

Statement (as printed): Figure 3 (l.137, l.160), activations become sparse and not-too-positively correlated; Figure 7 (l.423),
layer-wise training beats random lower features; Figure 8 (l.548), lower features move little when all levels train.

Checkable form: each `checkable`, with its control; written down before any of these quantities was measured on a trained network,
and not to be moved afterwards. The paper prints no quantity, distance or margin: limits are chosen here, so a miss would refute
nothing, and "not to be seen here" is a possible outcome.

Measured so far, which decides nothing. Figure 3, one network with batch normalization: the median rate is 1.07 times that at
random initialization, the medians of pairs and triples are 1.01 and 1.08. Figures 7 and 8, one small network of scale quick:
layer-wise is 1.4 times as far off as random lower levels (highest level read), weights change by 0.46, distances fall to 0.38 of
what they were.
Departures from the paper: other pictures, three levels instead of four.
Source: sections 2.1, 4.3 and 6, at the lines given.
"""

from fsrcheck.evidence.outcome import Verdict
from fsrcheck.statement import Kind, Statement

EVIDENCE = "none yet: the form is fixed, most of the networks are still to be trained"
NO_NUMBER = "the paper prints no number for it, and not all networks by which the form given here is to be judged are trained yet"


def observation(number: int, title: str, printed: str, checkable: str, source: str) -> Statement:
    """A figure about pictures of which nothing is claimed yet; its synthetic analogue has the figure's own id."""
    return Statement(
        id=f"fsr.fig.{number}.images",
        label=f"Figure {number} on pictures",
        kind=Kind.FIGURE,
        title=title,
        printed=printed,
        checkable=checkable,
        source=source,
        evidence=EVIDENCE,
        claims=(),
        expected=Verdict.OPEN,
        reason=NO_NUMBER,
    )


ACTIVATIONS = observation(
    3,
    "Sparse, not-too-positively correlated activations after training",
    r"'the generator network does learn sparse, not-too-positively correlated hidden activations'; 'we "
    r"did not regularize the "
    r"sparsity or correlation during the training'",
    r"at every level, channels at one place: the median of $\Pr[S_p > 0]$ falls to at most half of that "
    r"at random initialization; "
    r"the medians of $\Pr[S_p, S_q > 0]/(\Pr[S_p > 0] \Pr[S_q > 0])$ and of its analogue of three are at "
    r"most $2$ and $4$. With and "
    r"without batch normalization, with twice the steps and twice the channels. Control: random initialization",
    "section 2.1, l.137, and caption, l.160",
)

LAYERWISE = observation(
    7,
    "Layer-wise training beats random lower features",
    r"'layer-wise forward super-resolution can indeed learn features from lower resolution images that "
    r"are much better than random "
    r"features'",
    r"sliced Wasserstein distance at the highest level, worst scale, over the floor: layer-wise (a third "
    r"of all steps on each "
    r"level) at most $0.8$ times that of level 3 alone above random lower levels with as many steps as "
    r"all three had and twice the "
    r"channels; discriminator of all levels, and of the highest alone. Control: the two arms exchanged",
    "section 4.3, l.414-430, and caption, l.423",
)

CORRECTION = observation(
    8,
    "Backward feature correction is small",
    r"'the lower-level features get improved; more importantly, the incremental changes (measured by "
    r"vector corrections) in the "
    r"neuron weights are small'",
    r"levels trained one after the other, then all together: $\|\Delta W_\ell\|_F/\|W_\ell\|_F$ and that "
    r"of the hidden layers, "
    r"$\ell = 1, 2$, at most $0.5$, and the distance at level $\ell$ falls. Control: as many steps from "
    r"random initialization, whose "
    r"changes must exceed it",
    "section 6, l.535, and caption, l.548",
)

STATEMENTS = (ACTIVATIONS, LAYERWISE, CORRECTION)
