"""The report: one page of HTML, a Markdown scoreboard, the results as JSON and the plotted points as CSV."""

from fsrcheck.report.writing import require_writable, write_report

__all__ = ["require_writable", "write_report"]
