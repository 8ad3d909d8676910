"""Makes the SVG of a figure a third as large and draws the same: matplotlib repeats each style and writes six decimals."""

import re
from hashlib import sha256
from xml.etree.ElementTree import Element, fromstring, tostring

DECIMALS = 2  # of a point, which is 1/72 inch: less than a screen or a printer shows
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?")
COMMAND = re.compile(r"([A-Za-z])([^A-Za-z]*)")
IMPLIED = {"M": "L", "L": "L", "C": "C", "Q": "Q"}  # by what numbers alone are read after a command
SHEET = re.compile(r"<style>([^<]*)</style>")
UNTURNED = re.compile(r"rotate\(0(?: [^)]*)?\)")


def slim(svg: str) -> str:
    """The same picture in fewer characters; the ``<svg>`` must be well-formed and without namespaces.

    Styles become classes that are named by what they say, so that all pictures of a page agree on them.
    """
    root = fromstring(svg)
    rules: dict[str, str] = {}
    for element in root.iter():
        _round(element)
        _name_style(element, rules)
        element.tail = None
        if not (element.text or "").strip():
            element.text = None
    _unwrap(root)
    sheet = Element("style")
    sheet.text = "".join(f".{name}{{{style}}}" for style, name in sorted(rules.items()))
    root.insert(0, sheet)
    return tostring(root, encoding="unicode").replace(" />", "/>")


def without_rules(svg: str) -> tuple[str, list[str]]:
    """A slim picture without its style sheet, and the rules of that: pictures of one page can share them."""
    found = SHEET.search(svg)
    if found is None:
        return svg, []
    return svg[: found.start()] + svg[found.end() :], [f"{rule}}}" for rule in found[1].split("}") if rule]


def _round(element: Element) -> None:
    """Round what says where something is; a scale is a factor, and keeps its decimals."""
    for name in ("x", "y", "width", "height"):
        if name in element.attrib:
            element.set(name, NUMBER.sub(_short, element.attrib[name]))
    if "d" in element.attrib:
        element.set("d", _packed(NUMBER.sub(_short, element.attrib["d"])))
    turned = element.get("transform", "")
    if turned.startswith("rotate"):
        element.set("transform", NUMBER.sub(_short, turned))
        if UNTURNED.fullmatch(element.attrib["transform"]):
            del element.attrib["transform"]


def _short(number: re.Match[str]) -> str:
    text = f"{float(number[0]):.{DECIMALS}f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _packed(path: str) -> str:
    """A path without blanks that nothing needs, and without commands that the one before implies."""
    found, implied = "", ""
    for command, numbers in COMMAND.findall(path):
        found += (" " if command == implied else command) + " ".join(numbers.split())
        implied = IMPLIED.get(command, "")
    return found


def _name_style(element: Element, rules: dict[str, str]) -> None:
    style = element.attrib.pop("style", "").replace("; ", ";").replace(": ", ":")
    if style:
        rules.setdefault(style, "p" + sha256(style.encode()).hexdigest()[:6])
        element.set("class", rules[style])


def _unwrap(element: Element) -> None:
    """Put what a bare group holds in its place, and leave out groups and definitions that hold nothing."""
    kept: list[Element] = []
    for child in element:
        _unwrap(child)
        if child.tag == "g" and not child.attrib:
            kept += list(child)
        elif child.tag not in ("g", "defs") or len(child):
            kept.append(child)
    element[:] = kept
