"""The commands of ``fsrcheck``, one module for each group of them, and what they share."""
