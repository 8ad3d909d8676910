"""Trials made, judged, kept and compared."""
