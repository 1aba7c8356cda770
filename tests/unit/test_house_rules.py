"""The house rules of CONTRIBUTING that a program can check."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

import ringback

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted((ROOT / "src").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("test_*.py"))
MAX_LINES = 500

# Written so that no pattern matches itself.
PRIVATE = re.compile(
    r"(?<![\w.])/(?:[r]oot|[h]ome/\w+|[U]sers/\w+|[w]ork|[t]mp/\w+)/"  # a path that only one machine has
    r"|[p]ythonhosted\.|[p]ypi\.(?:org|python)|[n]pmjs\.|[r]egistry\.npm|deb\.[d]ebian\.",  # a package registry's host
)

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def name(path: Path) -> str:
    """How a file is called in the list of tests."""
    return path.relative_to(ROOT).as_posix()


def definitions(tree: ast.AST) -> Iterator[Definition]:
    """The functions and classes that a module defines at its top."""
    return (node for node in ast.iter_child_nodes(tree) if isinstance(node, Definition))


@pytest.mark.parametrize("module", MODULES, ids=name)
def test_modules_are_short(module: Path) -> None:
    """No module has more than 500 lines."""
    assert len(module.read_text("utf-8").splitlines()) <= MAX_LINES


@pytest.mark.parametrize("module", MODULES, ids=name)
def test_public_names_have_docstrings(module: Path) -> None:
    """Every module, and every public function and class at its top, has a docstring."""
    tree = ast.parse(module.read_text("utf-8"))
    given = {"upgrade", "downgrade"} if "migrations" in module.parts else set()  # names that Alembic gives
    public = [node for node in definitions(tree) if not node.name.startswith("_") and node.name not in given]
    assert [node.name for node in public if not ast.get_docstring(node)] == []
    assert ast.get_docstring(tree)


@pytest.mark.parametrize("module", TESTS, ids=name)
def test_tests_say_what_they_prove(module: Path) -> None:
    """Every test has a docstring, which states the behaviour that it proves."""
    nodes = ast.walk(ast.parse(module.read_text("utf-8")))
    tests = [node for node in nodes if isinstance(node, Definition) and node.name.startswith("test_")]
    assert [node.name for node in tests if not ast.get_docstring(node)] == []


def test_no_file_names_a_private_place(repository_files: Sequence[Path]) -> None:
    """No file names a path of somebody's machine or the host of a package registry."""
    found = [
        f"{path}:{number}: {line.strip()[:120]}"
        for path in repository_files
        for number, line in enumerate((ROOT / path).read_text("utf-8", errors="replace").splitlines(), 1)
        if PRIVATE.search(line)
    ]
    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        "see " + "/".join(["", "root", "x"]),
        "--data=" + "/".join(["", "tmp", "x", "y"]),
        "open('" + "/".join(["", "home", "ann", "x')"]),
        "https://files." + "".join(["python", "hosted"]) + ".org/packages",
    ],
    ids=["root", "tmp", "home", "registry"],
)
def test_private_places_are_recognised(line: str) -> None:
    """The pattern for private places finds what it is for."""
    assert PRIVATE.search(line)


def test_scripts_can_be_run(repository_files: Sequence[Path]) -> None:
    """Everything in script, and what continuous integration runs, has its run bit."""
    scripts = [path for path in repository_files if path.parts[0] in ("script", ".ci")]
    assert {"script/server", "script/test", ".ci/run"} <= {path.as_posix() for path in scripts}
    assert [path for path in scripts if not os.access(ROOT / path, os.X_OK)] == []


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE", "docs/glossary.md"])
def test_pages_that_people_look_for_exist(page: str) -> None:
    """The pages that people look for first are there and not empty."""
    assert (ROOT / page).stat().st_size > 100


def test_changelog_is_of_this_version() -> None:
    """The newest heading of the changelog is the version of the package, or Unreleased."""
    headings = re.findall(r"^## \[?([^\s\]]+)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert headings[:1] in (["Unreleased"], [ringback.__version__])


def test_links_between_pages_lead_somewhere(repository_files: Sequence[Path]) -> None:
    """Every link from one page of the docs to another file of the repository has a file at its end."""
    broken = [
        f"{page}: {target}"
        for page in repository_files
        if page.suffix == ".md"
        for target in re.findall(r"\]\((?!\w+:|#)([^)#\s]+)", (ROOT / page).read_text("utf-8"))
        if not (ROOT / page.parent / target).exists()
    ]
    assert broken == []
