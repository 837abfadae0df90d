"""The one dependency rule: imports go downwards only, without cycles, and libraries stay where they belong."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "aiguard"
LAYERS = (
    ("types", "errors", "rules", "profiles"),
    ("patterns",),
    ("text",),
    ("check", "codecs"),
    ("where", "yaml", "policy"),
    ("plan",),
    ("scan", "verdict", "sieve", "exchange"),
    ("gate",),
    ("relay", "answers", "telemetry"),
    ("adapters", "cli"),
)
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
ALLOWED = {
    "hyperscan": {"patterns", "cli"},
    "regex": {"patterns", "text"},
    "pydantic": {"policy"},
    "pydantic_core": {"policy"},
    "opentelemetry": {"telemetry"},
    "yaml": {"yaml"},
    "click": {"cli"},
    "rich": {"cli"},
}
# Imports inside a function that point upwards: a lazy default, and an exception raised by a value.
EXCEPTIONS = {("types", "errors"), ("policy", "yaml"), ("gate", "telemetry")}


def modules() -> list[Path]:
    return sorted(path for path in SOURCE.rglob("*.py") if path.name != "__init__.py" or path.parent != SOURCE)


def unit(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[tuple[str, bool]]:
    """Yield each imported module and whether only types need it."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        id(node)
        for branch in ast.walk(tree)
        if isinstance(branch, ast.If) and ast.unparse(branch.test) == "TYPE_CHECKING"
        for node in ast.walk(branch)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, id(node) in typing_only
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"aiguard.{alias.name}" for alias in node.names] if node.module == "aiguard" else [node.module]
            for name in names:
                yield name, id(node) in typing_only


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_go_downwards(path: Path) -> None:
    own = unit(path)
    assert own in RANK, f"{own} has no layer: add it to LAYERS"
    for name, typing_only in imports(path):
        if not name.startswith("aiguard.") or typing_only:
            continue
        other = name.split(".")[1]
        if other in RANK and other != own and (own, other) not in EXCEPTIONS:
            assert RANK[other] <= RANK[own], f"{path.name} imports {name} from a higher layer"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_libraries_stay_where_they_belong(path: Path) -> None:
    for name, _ in imports(path):
        library = name.split(".")[0]
        if library in ALLOWED:
            assert unit(path) in ALLOWED[library], f"{path.name} imports {library}"


def test_no_import_cycles() -> None:
    names = {f"aiguard.{'.'.join(path.relative_to(SOURCE).with_suffix('').parts)}": path for path in modules()}
    graph = {
        name: {other for other, lazy in imports(path) if other in names and not lazy} for name, path in names.items()
    }
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join((*trail, name))
        if name not in done:
            for other in graph[name]:
                if (name.split(".")[1], other.split(".")[1]) not in EXCEPTIONS:
                    visit(other, (*trail, name))
            done.add(name)

    for name in graph:
        visit(name, ())


@pytest.mark.parametrize("path", list(SOURCE.rglob("*.py")), ids=lambda path: str(path.relative_to(SOURCE)))
def test_files_are_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300
