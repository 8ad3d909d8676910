"""Trained networks are kept, so that what takes minutes is done once: by one process, for all that measure the network later.

A network is found again only by the same run (``multiscale_files.fingerprint``) of the same code and versions. Each takes some 20
MB at 32 pixels; the folder may be deleted at any time.
"""

import json
import os
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from filelock import FileLock
from platformdirs import user_cache_path

from fsrcheck.errors import InputError
from fsrcheck.images.multiscale_files import fingerprint, train
from fsrcheck.images.multiscale_gan import Losses, MultiscaleGan

FOLDER_VARIABLE = "FSRCHECK_NETWORKS"


def network_folder() -> Path:
    """Where networks are kept: the folder that the variable FSRCHECK_NETWORKS names, else one in the user's cache."""
    named = os.environ.get(FOLDER_VARIABLE)
    return Path(named).expanduser() if named else user_cache_path("fsrcheck") / "networks"


def trained(
    gan: MultiscaleGan, code: str, *, folder: Path | None = None, progress: Callable[[Losses], None] | None = None
) -> MultiscaleGan:
    """The same run at its end: trained from where its file stands, which goes on being written.

    Args:
        gan: a run that has not begun.
        code: digest of the code and versions that train it.
        folder: where to keep it; ``network_folder()`` if not given.
        progress: called after each step that is done here.

    Raises:
        InputError: the folder cannot be written, or see ``multiscale_files.train``.
    """
    chosen = network_folder() if folder is None else folder
    name = sha256(json.dumps([code, fingerprint(gan)], sort_keys=True).encode()).hexdigest()[:16]
    try:
        chosen.mkdir(parents=True, exist_ok=True)
        with FileLock(chosen / f"{name}.lock"):
            train(gan, chosen / f"{name}.network", progress=progress)
    except OSError as error:
        raise InputError(
            f"{FOLDER_VARIABLE} must be a folder that can be written, got {str(chosen)!r} ({error.strerror or error})"
        ) from None
    return gan
