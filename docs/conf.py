"""The site: README, CONTRIBUTING and reports as they are, and the API from the docstrings. Nothing is loaded when read."""

import os
import re
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from docutils import nodes
from sphinx.application import Sphinx

import fsrcheck
from fsrcheck.report.formulas import to_mathml

project, author, release = "fsrcheck", "The fsrcheck developers", fsrcheck.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
highlight_language = "none"
autodoc_preserve_defaults = True
autodoc_member_order = "bysource"
napoleon_custom_sections = [("Attributes", "params_style")]
smartquotes = False
html_theme = "alabaster"
html_theme_options = {
    "description": "Does a theorem hold, at which explicit constants, from which size on?",
    "page_width": "1180px",
    "code_font_size": "0.8em",
}
toc_object_entries = False
html_math_renderer = "mathml"
html_show_copyright = False
html_copy_source = html_show_sourcelink = False

ROOT = Path(__file__).resolve().parents[1]
PAGES = {  # files of the repository that are pages of the site
    "README.md": "index.md",
    "CONTRIBUTING.md": "adding_a_paper.md",
    "reports/error_rates.md": "error_rates.md",
    "reports/errata.md": "errata.md",
    "reports/peers.md": "peers.md",
    "reports/wgan_landscape.md": "wgan_landscape.md",
}
INCLUDED = re.compile(r"^\[include\]: (\S+)$", re.MULTILINE)
MODULES = re.compile(r"^\[modules\]: (\S+)$", re.MULTILINE)
LINK = re.compile(r"(?P<image>!?)\[(?P<text>[^\]]*)\]\((?!https?:|#)(?P<target>[^)#]+)\)")
MARKUP = re.compile(r"``.+?``|[`*|\\]|_(?!\w)", re.DOTALL)


def expand(app: Sphinx, docname: str, source: list[str]) -> None:
    """Put in the files and the modules that a page names on lines of their own."""
    text = INCLUDED.sub(lambda found: included(found[1]), source[0])
    source[0] = MODULES.sub(lambda found: "\n".join(map(documented, modules(found[1]))), text)


def included(name: str) -> str:
    """A file of the repository, with its links leading to pages of the site, or nowhere if there is no such page."""

    def link(found: re.Match[str]) -> str:
        target = os.path.normpath(os.path.join(os.path.dirname(name), found["target"]))
        if found["image"]:
            return f"![{found['text']}](../{target})"
        page = PAGES.get(target) or (target.removeprefix("docs/") if target.startswith("docs/") else None)
        return f"[{found['text']}]({page})" if page else f"{found['text']} (`{target}`)"

    return LINK.sub(link, (ROOT / name).read_text(encoding="utf-8"))


def modules(package: str) -> list[str]:
    """The modules of a package, by name."""
    return [f"{package}.{found.name}" for found in iter_modules(import_module(package).__path__)]


def documented(module: str) -> str:
    """Heading and docstrings of one module."""
    return f"## `{module}`\n\n```{{eval-rst}}\n.. automodule:: {module}\n   :members:\n```\n"


def escape(app: Sphinx, what: str, name: str, thing: object, options: object, lines: list[str]) -> None:
    """Docstrings are plain text with formulas and literals in it: nothing else in them is markup."""
    text = MARKUP.sub(lambda found: found[0] if found[0].startswith("``") else f"\\{found[0]}", "\n".join(lines))
    if what in ("property", "attribute"):
        text = text.replace(": ", ":\n", 1)  # napoleon takes what is before a colon in a line for a type
    lines[:] = text.split("\n")


def write_formula(translator: nodes.NodeVisitor, node: nodes.math | nodes.math_block) -> None:
    """A formula as MathML, which browsers show without help."""
    translator.body.append(to_mathml(node.astext(), display=isinstance(node, nodes.math_block)))
    raise nodes.SkipNode


def setup(app: Sphinx) -> None:
    """Connect the above."""
    app.connect("source-read", expand)
    app.connect("autodoc-process-docstring", escape, priority=400)  # before napoleon
    app.add_html_math_renderer("mathml", inline_renderers=(write_formula, None), block_renderers=(write_formula, None))
