"""The file of rejected rows: line and reason before the row's own columns, so that it can be corrected and imported."""

import csv
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from postroom.actions.import_records import RecordsReport, Rejected

_COLUMNS = ["Rejected line", "Rejected because"]


def rejects_path(file: Path) -> Path:
    """Give where the rejects of an import go unless somebody says otherwise: beside the file."""
    return file.with_name(f"{file.name.removesuffix('.csv')}.rejects.csv")


def require_replaceable(path: Path, file: Path) -> None:
    """Refuse a place where the rejects would overwrite what is not a rejects file. Raises BadParameter."""
    if path.exists() and (path.resolve() == file.resolve() or not _is_rejects_file(path)):
        raise click.BadParameter(f"{path} is there and holds something else; name another file", param_hint="--rejects")
    if not os.access(path.parent, os.W_OK):
        raise click.BadParameter(f"nothing can be written in {path.parent}; name another file", param_hint="--rejects")


def replace_rejects(path: Path, report: RecordsReport) -> None:
    """Write the rejected rows, or remove the file of an earlier run where nothing is rejected."""
    if not report.rejected:
        path.unlink(missing_ok=True)
        return
    descriptor, unfinished = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        # What was not UTF-8 goes back as the bytes that it was.
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            writer = csv.writer(file)
            writer.writerow([*_COLUMNS, *report.header])
            writer.writerows(_row(rejected, len(report.header)) for rejected in report.rejected)
        Path(unfinished).replace(path)
    finally:
        Path(unfinished).unlink(missing_ok=True)


@contextmanager
def without_reasons(file: Path) -> Iterator[Path]:
    """Give the file itself, or for a rejects file a copy that lacks what an import had put before the rows."""
    if not (file.is_file() and _is_rejects_file(file)):
        yield file
        return
    with tempfile.TemporaryDirectory(prefix="postroom-import-") as folder:
        copy = Path(folder) / file.name
        _copy_rows(file, copy)
        yield copy


def _row(rejected: Rejected, width: int) -> Sequence[str]:
    """Give a row as wide as the header: of one that could not be read there are no values."""
    values = rejected.row.values or [""] * width
    return [str(rejected.row.line), " ".join(rejected.reason.split()), *values]


def _is_rejects_file(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open(encoding=_encoding(path), errors="replace", newline="") as file:
        header = next(csv.reader([file.readline()]), [])
    return header[: len(_COLUMNS)] == _COLUMNS


def _encoding(path: Path) -> str:
    """Tell what a spreadsheet program saved the file in, as the import itself does."""
    with path.open("rb") as file:
        return "utf-16" if file.read(2) in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"


def _copy_rows(file: Path, copy: Path) -> None:
    """Copy line by line, so that the import names the lines of the file; what is not CSV stays as it is."""
    with (
        file.open(encoding=_encoding(file), errors="surrogateescape", newline="") as source,
        copy.open("w", encoding="utf-8", errors="surrogateescape", newline="") as target,
    ):
        lines: list[str] = []
        reader = csv.reader(_recorded(source, lines), strict=True)
        writer = csv.writer(target, lineterminator="\n")
        while True:
            lines.clear()
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error:
                target.writelines(lines)
                continue
            if row:
                writer.writerow(row[len(_COLUMNS) :] or [""])
            else:
                target.write("\n")


def _recorded(source: Iterable[str], lines: list[str]) -> Iterator[str]:
    for line in source:
        lines.append(line)
        yield line
