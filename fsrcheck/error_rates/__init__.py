"""Calibration of the whole: the judging code itself, run on simulated trials whose truth is known."""
