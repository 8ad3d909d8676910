r"""Figures 1 to 8 on networks trained on pictures. OPEN: the forms are fixed, the runs are still to be made.

Setting: deconvolutional generators (DCGAN) with four hidden layers, trained on LSUN Church (Figures 1 to 3 and 6) or CelebA
(Figure 4); their data, weights and training runs are not part of the paper. Figures 3, 6, 7 and 8 have synthetic analogues too
(``fsr.fig.3`` and so on); here all eight are about pictures.

Algorithm: ``fsrcheck.images.multiscale_gan`` at its default settings on emoji of 32 pixels (``fsrcheck.images.emoji``): L = 3,
images of 8, 16 and 32 pixels, 3000 steps, generator averaged. Five seeds; what is said must hold for each. Arms that are compared
have the same number of steps of the highest level, the same batches and the same discriminator.

Statement (as printed): Figure 1 (l.59, l.76), the images of resolution l are W_l G_l, linear in one hidden layer of one network,
and "still, the generator learns to generate each X_l using forward super-resolution" (remark, l.203); Figure 2 (l.97, l.135),
the columns of W_l are edge-colour features, nearly orthogonal, with sparse coefficients; Figure 3 (l.137, l.160), activations
become sparse and not-too-positively correlated; Figure 4 (l.196, l.201), a level follows from the one below patch by patch;
Figure 5 (l.246, l.251), the discriminator's first layer learns the features of the generator's output layer; Figure 6 (l.278),
moments match early; Figure 7 (l.423), layer-wise training beats random lower features; Figure 8 (l.548), lower features move
little when all levels train.

Checkable form: each `checkable`, with its control; written down before any of these quantities was measured on a trained network,
and not to be moved afterwards. The paper prints no quantity, distance or margin: limits are chosen here, so a miss would refute
nothing, and "not to be seen here" is a possible outcome.

Measured: nothing yet. Departures from the paper: other pictures, three levels instead of four.
Source: sections 1.1, 2.1, 3, 4.1, 4.3 and 6, at the lines given.
"""

from dataclasses import replace

from fsrcheck.evidence.outcome import Verdict
from fsrcheck.statement import Defect, Erratum, Kind, Statement

EVIDENCE = "none yet: the form is fixed, the networks are still to be trained"
NO_NUMBER = "the paper prints no number for it, and the networks by which the form given here is to be judged are not trained yet"


def observation(
    number: int, title: str, printed: str, checkable: str, source: str, analogue: bool = False
) -> Statement:
    """A figure about pictures, of which nothing is claimed yet; where it has a synthetic analogue, that "
    "has the figure's own id."""
    return Statement(
        id=f"fsr.fig.{number}.images" if analogue else f"fsr.fig.{number}",
        label=f"Figure {number} on pictures" if analogue else f"Figure {number}",
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


STRUCTURE = observation(
    1,
    "Forward super-resolution structure of pictures",
    r"there are a network $G$ with hidden layers $G_\ell$ and matrices $W_\ell$ such that the images at resolution $\ell$ "
    r"are distributed as $W_\ell G_\ell$; 'we illustrate that this assumption is true on standard GAN training data set'",
    r"$\sum \|\bar X_{\ell+1}(z) - X_\ell(z)\|^2 \le \frac14 \sum \|\bar X_{\ell+1}(z) - X_\ell(z')\|^2$ "
    r"for $\ell = 1, 2$, $\bar X$ "
    r"pooled, $z'$ independent of $z$; with one discriminator that reads all levels, and with one for "
    r"every level alone ('we simply "
    r"train the generator to match the marginal distribution'). Control: the network at random initialization",
    "section 1.1, l.51-59, caption, l.76, and remark, l.203",
)

FEATURES = replace(
    observation(
        2,
        "Edge-colour features in the output layers",
        r"after training on images, the columns of $W_{\ell,j}$ are edge-colour features, 'a (nearly orthogonal) basis for "
        r"images, under which the coefficients are indeed very sparse'; all $W_{\ell,j}$ are equal for all $j \in [m_\ell]$",
        r"at every level: the mean square cosine of two columns of $W_\ell$ is at most $2/d$, twice that of random columns, "
        r"$d = 108$; at least half of the columns have $0.8$ of their energy in one pattern times one colour; "
        r"half of the channels "
        r"are active at most a quarter of the time. Controls: random patches of the pictures as columns; "
        r"random initialization",
        "section 2.1, l.135, and caption, l.97",
    ),
    errata=(
        Erratum(
            Defect.MISPRINT,
            r"$j$ counts patches, of which level $\ell$ has $d_\ell$ (l.90); $m_\ell$ is the number of channels.",
            "caption, l.97",
            r"all $W_{\ell,j}$ are equal for all $j \in [d_\ell]$",
        ),
    ),
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
    analogue=True,
)

LOCALITY = observation(
    4,
    "Super-resolution is local",
    r"in a generator trained on images, a patch at level $\ell$ follows from few patches at level $\ell-1$: 'typically such "
    "super-resolution operation is local'",
    r"a deconvolution is local by construction, so asked of the pictures: the detail of $X_{\ell+1}$ "
    r"beyond the enlarged $X_\ell$, "
    r"predicted linearly on held-out pictures from the $9 \times 9$ pixels of $X_\ell$ around a place, "
    r"has at least $0.9$ of the "
    r"residual variance that it has from the $3 \times 3$ around it, $\ell = 1, 2$. Of the trained "
    r"generator: one place of $S_\ell$ "
    r"exchanged changes $X_{\ell+1}$ by at least $0.9$ of the squared change within $6 \times 6$ pixels. "
    r"Control: pixels permuted",
    "section 3, l.196, and caption, l.201",
)

DETECTORS = observation(
    5,
    "Features in the discriminator's first layer",
    r"'in practice, the first hidden layer of the discriminator indeed learns the edge-color detectors, similar to the "
    r"edge-color features in the output layer of the generator', so that $W^D = W$ is a reasonable approximation",
    r"at every level: the mean over rows of $W^D_\ell$ of the largest $|\cos|$ with a column of $W_\ell$ "
    r"is at least 1.5 times that "
    r"with as many Gaussian columns of the same covariance, and at least $0.5$. Control: a generator of another seed, whose "
    r"columns have been turned by a random rotation",
    "section 4.1, l.251, and caption, l.246",
)

MOMENTS = observation(
    6,
    "Moments within patches match early",
    r"'GANs are indeed doing moment matching within each patch during the earlier stage of training'",
    r"squared differences of moments of orders 1 to 4 within patches of $6 \times 6 \times 3$ (order 1 of "
    r"means: centred it is 0 for "
    r"every law), beyond the same between two halves of the pictures: after a tenth of the steps at most a tenth of that at "
    r"random initialization, at every level. Control: the Gaussian with the pictures' mean and "
    r"covariance, which passes orders 1 and 2 "
    r"and must miss 3 and 4",
    "section 4.1, l.290, and caption, l.278",
    analogue=True,
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
    analogue=True,
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
    analogue=True,
)

STATEMENTS = (STRUCTURE, FEATURES, ACTIVATIONS, LOCALITY, DETECTORS, MOMENTS, LAYERWISE, CORRECTION)
