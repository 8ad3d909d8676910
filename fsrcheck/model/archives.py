"""Reading `.npz` archives of plain numeric arrays: what files of targets, of learned networks and of samples share."""

from fsrcheck.model.target import _check_parents as check_parents
from fsrcheck.model.target_files import _arrays as read_arrays
from fsrcheck.model.target_files import _assembled as network_of
from fsrcheck.model.target_files import _tensor as numeric_tensor

# They stay where they are, since stored evidence depends on the text of those modules.
__all__ = ["check_parents", "network_of", "numeric_tensor", "read_arrays"]
