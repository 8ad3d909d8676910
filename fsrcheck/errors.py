"""The few exception types of fsrcheck; both towers may raise them."""


class FsrcheckError(Exception):
    """Base class of everything that fsrcheck raises on purpose."""


class InputError(FsrcheckError):
    """Something the user gave is unusable; the command line prints its one line and exits with code 2."""


class RecordError(FsrcheckError):
    """A file of saved trials, constants or evidence is unreadable or does not belong to this run."""
