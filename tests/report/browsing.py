"""A headless Chromium for the tests of the page, and what they ask it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

EXECUTABLES = ("chromium", "chromium-browser", "google-chrome")
PHONE, DESKTOP = 390, 1280

OPEN_ALL = "document.querySelectorAll('details').forEach((d) => { d.open = true; })"
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
SHOWN_ROWS = "Array.from(document.querySelectorAll('.board tbody tr')).filter((r) => !r.hidden)"
FLAT_FORMULAS = """Array.from(document.querySelectorAll('math')).filter((m) => {
  const box = m.getBoundingClientRect();
  return !(box.width > 0 && box.height > 0);
}).length"""

# Every text that is shown with too little contrast to what is behind it, by WCAG 2: element, text, contrast.
FAINT = """() => {
  const numbers = (colour) => (colour.match(/[\\d.]+/g) ?? []).map(Number);
  const light = (colour) => {
    const [r, g, b] = numbers(colour).slice(0, 3).map((v) => v / 255)
      .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const isClear = (colour) => colour === 'none' || (numbers(colour)[3] ?? 1) === 0;
  const behind = (element) => {
    const box = element.closest('.node')?.querySelector('rect');
    if (box) return getComputedStyle(box).fill;
    for (let e = element; e; e = e.parentElement) {
      const colour = getComputedStyle(e).backgroundColor;
      if (!isClear(colour)) return colour;
    }
    return 'rgb(255, 255, 255)';
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const text = walker.currentNode.textContent.trim();
    if (!text || element.closest('script, style, title, [hidden]') || !element.checkVisibility()) continue;
    const style = getComputedStyle(element);
    const pair = [light(element.closest('svg') ? style.fill : style.color), light(behind(element))];
    const contrast = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
    if (!(contrast >= 4.5)) found.push([element.tagName, text.slice(0, 40), contrast]);
  }
  return found;
}"""


@contextmanager
def chromium() -> Iterator[Any]:
    """The browser that is installed; a test that asks for it is skipped where there is none."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    executable = next(filter(None, map(shutil.which, EXECUTABLES)), None)
    if executable is None:
        pytest.skip(f"none of {', '.join(EXECUTABLES)} is installed")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable)
        yield browser
        browser.close()


class Visit:
    """A page in a window of its own, with everything that it asked for and complained of.

    Attributes:
        page: of playwright.
        requests: addresses that were asked for, the page itself aside.
        complaints: what it wrote to the console, and errors.
    """

    def __init__(self, browser: Any, file: Path, *, width: int = DESKTOP, query: str = "", **context: Any) -> None:
        self.requests: list[str] = []
        self.complaints: list[str] = []
        window = browser.new_context(viewport={"width": width, "height": 900}, **context)
        window.route("**/*", self._answer)
        self.page = window.new_page()
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self._address = file.as_uri()
        self.page.goto(self._address + query)

    def _answer(self, route: Any) -> None:
        address = route.request.url
        if address.split("#")[0].split("?")[0] != self._address and not address.startswith("data:"):
            self.requests.append(address)
            route.abort()
        else:
            route.continue_()

    def shown(self, what: str = "row.cells[0].querySelector('a').hash.slice(1)") -> list[str]:
        """Something of every row of the scoreboard that is shown, in order; by default the statement's id."""
        return self.page.evaluate(f"{SHOWN_ROWS}.map((row) => {what})")

    def choose(self, name: str, value: str) -> None:
        """Set one field of the form above the scoreboard."""
        self.page.select_option(f"#filter [name={name}]", value)

    def top_of(self, id: str) -> float:
        """How far below the upper edge of the window an element begins."""
        return self.page.evaluate("(id) => document.getElementById(id).getBoundingClientRect().top", id)
