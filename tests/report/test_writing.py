import os
from pathlib import Path

import pytest

import fsrcheck.report.writing as writing
from fsrcheck.errors import InputError
from fsrcheck.report import require_writable, write_report


def content_of(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_all_files_are_written_and_nothing_else(tmp_path, results, registry):
    out = tmp_path / "new" / "out"
    files = write_report(results, registry, out)
    assert files[0] == out / "index.html"
    assert sorted(map(str, files)) == sorted(str(out / name) for name in content_of(out))
    names = {"errata.md", "index.html", "results.json", "results.schema.json", "scoreboard.md"}
    assert {*names, "csv/coins.T.2.rate.csv"} == set(content_of(out))
    assert {path.name for path in out.iterdir()} == {*names, "csv"}


def test_other_files_in_the_folder_stay(tmp_path, results, registry):
    (tmp_path / "mine.txt").write_text("mine")
    write_report(results, registry, tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize("failing", range(1, 7))
def test_a_write_that_fails_leaves_the_old_report_as_it_was(tmp_path, results, registry, monkeypatch, failing):
    write_report(results, registry, tmp_path)
    before = content_of(tmp_path)
    calls = []

    def full(path, text, **options):
        calls.append(path)
        if len(calls) == failing:
            path.write_bytes(text.encode()[:10])
            raise OSError(28, "No space left on device")
        return path.write_bytes(text.encode())

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(InputError, match="No space left on device"):
        write_report(results[:1], registry, tmp_path)
    monkeypatch.undo()
    assert content_of(tmp_path) == before
    assert len(list(tmp_path.iterdir())) == 6


def test_a_page_that_fails_writes_nothing(tmp_path, results, registry, monkeypatch):
    def fail(*arguments):
        raise RuntimeError("no page")

    monkeypatch.setattr("fsrcheck.report.page.render_page", fail)
    with pytest.raises(RuntimeError, match="no page"):
        write_report(results, registry, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_no_file_is_ever_seen_half_written(tmp_path, results, registry, monkeypatch):
    """Every file appears under its name by a rename of a finished one."""
    moved = []
    monkeypatch.setattr(writing.os, "replace", lambda a, b: moved.append((Path(a).stat().st_size, str(b))))
    write_report(results, registry, tmp_path)
    assert moved[-1][1].endswith("index.html")
    assert all(size > 0 for size, _ in moved)
    assert content_of(tmp_path) == {}


@pytest.mark.parametrize("name", ["file", "file/out"])
def test_a_folder_that_cannot_be_written_is_bad_input(tmp_path, registry, name):
    (tmp_path / "file").write_text("")
    for write in (require_writable, lambda out: write_report([], registry, out)):
        with pytest.raises(InputError, match=f"report folder must be writable, got '.*{name}'"):
            write(tmp_path / name)


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_read_only_folder_is_bad_input(tmp_path, results, registry):
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="Permission denied"):
        write_report(results, registry, tmp_path / "out")


def test_a_writable_folder_is_made(tmp_path):
    require_writable(tmp_path / "a" / "b")
    assert list((tmp_path / "a" / "b").iterdir()) == []
