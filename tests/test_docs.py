"""What the documents say is so: snippets run, links lead somewhere, references are complete, named tests exist."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from pydantic import BaseModel
from tests import test_layers
from tools import build_rule_docs

from aiguard import Check, Plan, Policy
from aiguard.policy import Exclusion, GuardModel, Limits, Scores

ROOT = Path(__file__).parents[1]
PAGES = sorted(path for path in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")] if path.exists())
TEXTS = [
    *PAGES,
    *(path for name in ("SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md") if (path := ROOT / name).exists()),
]
FENCE = re.compile(r"^```(\S*)[ ]?([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} (.*)$", re.MULTILINE)
NAMED_TEST = re.compile(r"`(tests/[\w/]+\.py)(?:::(test_\w+))?`")
REGISTRY_NAME = re.compile(r"pip\s+install\s[^`\n]*?\baiguard(?!py)\b")
MODELS: dict[str, type[BaseModel]] = {
    "": Policy,
    "scores": Scores,
    "limits": Limits,
    "[guard]": GuardModel,
    "[exclude]": Exclusion,
}
RULE_KEYS = (
    "id", "title", "category", "stages", "action", "severity", "pattern", "level", "label", "case", "verify", "match",
    "clean", "since", "why",
)  # fmt: skip


class Snippet(NamedTuple):
    """One fenced block of a document, and the line it begins at."""

    line: int
    language: str
    mark: str
    code: str


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def snippets(path: Path) -> Iterator[Snippet]:
    text = path.read_text(encoding="utf-8")
    for match in FENCE.finditer(text):
        yield Snippet(text.count("\n", 0, match.start()) + 1, match[1], match[2].strip(), match[3])


def prose(path: Path) -> str:
    return FENCE.sub("", path.read_text(encoding="utf-8"))


@pytest.fixture
def shared_plans(standard: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give snippets that take the standard profile as it is the plan that other tests have compiled."""
    compile_anew = Plan.compile

    def compile_once(policy: Policy, checks: tuple[Check, ...] = ()) -> Plan:
        checks = tuple(checks)
        return standard if policy == standard.policy and not checks else compile_anew(policy, checks)

    monkeypatch.setattr(Plan, "compile", staticmethod(compile_once))


@pytest.mark.parametrize("path", PAGES, ids=name)
@pytest.mark.usefixtures("shared_plans")
def test_snippets_run(path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The Python blocks of one document, in their order, as one program in an empty folder."""
    monkeypatch.chdir(tmp_path)
    space: dict[str, Any] = {"__name__": "snippet"}
    for snippet in snippets(path):
        if snippet.language == "python" and snippet.mark != "no-run":
            source = "\n" * snippet.line + snippet.code
            exec(compile(source, name(path), "exec", dont_inherit=True), space)  # the documents are our own


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_policies_in_documents_load(path: Path) -> None:
    for snippet in snippets(path):
        if snippet.language == "toml" and snippet.mark != "no-run":
            Policy.loads(snippet.code, f"{name(path)}, line {snippet.line}")


def test_snippets_are_rarely_left_out() -> None:
    marks = [snippet.mark for path in PAGES for snippet in snippets(path) if snippet.language == "python"]
    assert marks.count("no-run") <= 3
    assert set(marks) <= {"", "no-run"}


def test_the_quickstart_is_short() -> None:
    for snippet in snippets(ROOT / "docs" / "quickstart.md"):
        assert sum(bool(line.strip()) for line in snippet.code.splitlines()) < 15, snippet.line


def anchors(path: Path) -> set[str]:
    headings = HEADING.findall(prose(path))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", TEXTS, ids=name)
def test_links_lead_somewhere(path: Path) -> None:
    broken = []
    for link in LINK.findall(prose(path)):
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = link.partition("#")
        target = path.parent / file if file else path
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert not broken


@pytest.mark.parametrize("path", TEXTS, ids=name)
def test_the_distribution_is_called_by_its_name(path: Path) -> None:
    found = REGISTRY_NAME.search(path.read_text(encoding="utf-8"))
    assert not found, "aiguard is another project's package: this one is aiguardpy"


@pytest.mark.parametrize("text", ["pip install aiguard", "pip install -U 'aiguard[cli]'", "uv pip install x aiguard"])
def test_the_wrong_name_would_be_noticed(text: str) -> None:
    assert REGISTRY_NAME.search(text)
    assert not REGISTRY_NAME.search(text.replace("aiguard", "aiguardpy"))


@pytest.mark.parametrize("path", TEXTS, ids=name)
def test_named_tests_exist(path: Path) -> None:
    for file, test in NAMED_TEST.findall(path.read_text(encoding="utf-8")):
        assert (ROOT / file).exists(), file
        assert f"def {test}" in (ROOT / file).read_text(encoding="utf-8"), f"{file}::{test}"


def test_the_layers_are_those_of_the_code() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    assert "\n".join("  ".join(names) for names in reversed(test_layers.LAYERS)) in text
    for library, places in test_layers.ALLOWED.items():
        row = next(
            (row for row in text.splitlines() if row.startswith("|") and f"`{library.split('_')[0]}`" in row), ""
        )
        assert all(f"`{place}`" in row for place in places), library


def test_the_list_of_rules_is_current() -> None:
    assert build_rule_docs.TARGET.read_text(encoding="utf-8") == build_rule_docs.render(), (
        "run python tools/build_rule_docs.py"
    )


def keys() -> Iterator[str]:
    """Every key of a policy, as policy.md heads it."""
    for prefix, model in MODELS.items():
        for field, info in model.model_fields.items():
            yield ".".join(filter(None, (prefix, info.alias or field)))
    yield from (f"[rule].{key}" for key in RULE_KEYS)


@pytest.mark.parametrize("key", list(keys()))
def test_every_key_of_a_policy_is_documented(key: str) -> None:
    rows = (ROOT / "docs" / "policy.md").read_text(encoding="utf-8").splitlines()
    (row,) = [row for row in rows if row.startswith(f"| `{key}` |")]
    assert len(row.replace("\\|", "").split("|")) == 7, "expected key, type, default, meaning, example"
    default = Policy.model_fields.get(key)
    if default is not None and isinstance(default.default, str | int):
        assert f"`{default.default}`" in row or f'`"{default.default}"`' in row


def test_the_keys_of_a_rule_are_all_known() -> None:
    from aiguard.patterns import rule

    assert set(RULE_KEYS) == {*rule._REQUIRED, *rule._OPTIONAL}
