"""What the code may import: dependencies declared, core kept pure, `import framework` light."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[2]
_PACKAGES = ("crossbook", "experiments", "framework", "research", "strategies")
_PROJECT = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
_MODULE_OF = {
    "databento-dbn": "databento_dbn",
    "dbl-tempo": "tempo",
    "delta-spark": "delta",
    "ipython": "IPython",
    "pytorch-lightning": "pytorch_lightning",
    "pyyaml": "yaml",
}
_PART_OF = {
    "bson": "pymongo",
    "llvmlite": "numba",
    "markupsafe": "jinja2",
    "pydantic_core": "pydantic",
}


def sources(*packages: str) -> list[Path]:
    return [path for package in packages for path in sorted((_ROOT / package).rglob("*.py"))]


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module


def third_party(*packages: str) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in sources(*packages):
        for name in imported(path):
            top = name.partition(".")[0]
            if top not in sys.stdlib_module_names and top not in _PACKAGES:
                found.setdefault(_PART_OF.get(top, top), path)
    return found


def declared(requirements: list[str]) -> set[str]:
    names = [re.split(r"[<>=!~\[; ]", text)[0].lower() for text in requirements]
    return {_MODULE_OF.get(name, name) for name in names}


def test_every_import_is_declared_and_every_base_dependency_is_imported() -> None:
    base = declared(_PROJECT["dependencies"])
    extras = [declared(names) for names in _PROJECT["optional-dependencies"].values()]
    used = third_party(*_PACKAGES)
    undeclared = {n: str(p) for n, p in used.items() if n not in base.union(*extras)}
    assert undeclared == {}
    assert base - set(used) == set()


def test_every_declared_package_is_pinned() -> None:
    pins = (_ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {line.partition("==")[0].lower().replace("_", "-") for line in pins}
    extras = _PROJECT["optional-dependencies"]
    for text in [*_PROJECT["dependencies"], *extras["ml"], *extras["dev"], *extras["notebook"]]:
        assert re.split(r"[<>=!~\[; ]", text)[0].lower() in pinned
    for line in pins:
        assert re.fullmatch(r"#.*|[A-Za-z0-9._-]+==[0-9A-Za-z.+!-]+", line), line


@pytest.mark.parametrize("package", ["framework/core", "framework/book", "framework/venue"])
def test_core_book_and_venue_know_only_arrays(package: str) -> None:
    allowed = {"numpy", "numba"} | ({"pyarrow"} if package == "framework/core" else set())
    assert set(third_party(package)) <= allowed


def test_numba_is_touched_in_one_place() -> None:
    touching = {
        str(path.relative_to(_ROOT))
        for path in sources(*_PACKAGES)
        if any(name.partition(".")[0] in {"numba", "llvmlite"} for name in imported(path))
    }
    assert all(name.startswith("framework/_jit/") for name in touching)


def test_every_folder_of_code_is_a_package() -> None:
    folders = {path.parent for path in sources(*_PACKAGES)}
    assert [str(folder) for folder in folders if not (folder / "__init__.py").is_file()] == []


def test_init_files_only_re_export() -> None:
    for path in sources(*_PACKAGES):
        if path.name != "__init__.py":
            continue
        body = ast.parse(path.read_text(encoding="utf-8")).body
        for node in body:
            assert isinstance(
                node, ast.Import | ast.ImportFrom | ast.Assign | ast.AnnAssign | ast.Expr
            ), path


def test_importing_the_framework_loads_nothing_heavy() -> None:
    modules = [
        ".".join(path.relative_to(_ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in sources("framework")
        if "scale" not in path.parts  # Spark's twin, asked for by name
    ]
    program = "import sys, framework\n" + "".join(f"import {name}\n" for name in modules)
    done = subprocess.run(
        [sys.executable, "-c", f"{program}print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
        cwd=_ROOT,
    )
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert "polars" in loaded
    assert not loaded & {"mlflow", "optuna", "pyspark", "sklearn", "torch", "xgboost"}
