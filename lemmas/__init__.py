"""The papers that come with fsrcheck; found through entry points, never imported by name from fsrcheck."""
