"""Build examples/sample.jsonl: real attacks and real harmless prompts for the demonstration.

Source: the training sets in ../shared/data (its README names every source and licence). Only rows whose licence was
seen and is permissive are taken, so `command_injection`, of which there is no such row, is missing. A row in disguise
is taken when what it hides is one of these rows. Which rows is left to a seeded draw that goes round the sources of a
kind in turn and takes at most half of a source; no rule is asked. Left out beforehand: long texts, texts with a word
of OFFENSIVE, the jailbreaks of spikee (they only ask for investment advice), and many-shot texts (they quote books).
Usage: python tools/build_sample.py [folder with *.jsonl.gz]
"""

from __future__ import annotations

import base64
import binascii
import codecs
import gzip
import html
import json
import random
import re
import sys
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain, islice, zip_longest
from pathlib import Path
from typing import Any, Final, TypeAlias
from urllib.parse import unquote

Row: TypeAlias = dict[str, Any]

ROOT: Final = Path(__file__).parent.parent
TARGET: Final = ROOT / "examples/sample.jsonl"
SEED: Final = 20261122
LONGEST: Final = 2_000
DISGUISED: Final = "obfuscated_pairs"
WANTED: Final = {
    "direct_injection": 32,
    "extraction": 24,
    "jailbreak": 28,
    "indirect_injection": 24,
    "obfuscated": 12,
    "benign_chat": 60,
    "benign_hard": 50,
    "benign_document": 30,
    "benign_tool": 20,
    "benign_code": 20,
}
LEFT_OUT: Final = {("spikee", "jailbreak"), ("pyrit_many_shot", "jailbreak")}
# As the sets spell them; what several repositories gave stays under the licence of each.
PERMISSIVE: Final = {
    "MIT": "MIT",
    "Apache-2.0": "Apache-2.0",
    "CC0-1.0": "CC0-1.0",
    "MIT / Apache-2.0": "MIT AND Apache-2.0",
    "Apache-2.0 / MIT": "MIT AND Apache-2.0",
    "Apache-2.0 (upstream verazuo/jailbreak_llms MIT)": "MIT AND Apache-2.0",
    "BSD-3-Clause / MIT / Apache-2.0": "MIT AND Apache-2.0 AND BSD-3-Clause",
    "project licence (own work)": "Apache-2.0",
}
OFFENSIVE: Final = re.compile(
    r"sex|porn|nsfw|erotic|nude|naked|orgasm|fetish|incest|rape|pedo|molest|genital|breast|prostitut|horny|lewd|kink"
    r"|f.?[uc]ck|shit|bitch|whore|slut|\bcunt|\bdick\b|\bcock\b|\bass\b|asshole|bastard|profan|swear|curs(?:e|ing)"
    r"|nigg|faggot|retard|\bkike|\bspic\b|tranny|racis|nazi|hitler|holocaust|genocid|slur|supremac|antisemit|lynch"
    r"|despis|fem-?\s?boy|lust|insult|ebola|outbreak|pandemic"
    r"|suicid|self-?harm|anorex|kill|murder|tortur|massacre|behead|gore\b|blood|corpse|cannibal|terror|jihad|isis\b"
    r"|bomb|explosiv|grenade|weapon|firearm|\bguns?\b|shoot|poison|nerve agent|napalm|ricin|anthrax"
    r"|\bmeth\b|cocaine|heroin|fentanyl|\blsd\b|drug|child|minor|underage|\bkids?\b|traffick|abus|violen|hate",
    re.IGNORECASE,
)
_ESCAPE: Final = re.compile(r"\\u([0-9a-fA-F]{4})")
_TAGS: Final = {0xE0000 + code: code for code in range(0x20, 0x7F)}


def main() -> None:
    picked = build(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT.parent / "shared/data/train")
    TARGET.write_text(written(picked), encoding="ascii")
    for (kind, file), number in sorted(Counter((row["kind"], row["file"]) for row in picked).items()):
        print(f"{number:4} {kind} from {file}")


def build(folder: Path) -> list[Row]:
    fitting = [row for row in _rows(folder) if _fits(row)]
    plain = [row | {"licence": PERMISSIVE[row["licence"]]} for row in fitting if row["licence"] in PERMISSIVE]
    rows = plain + _disguised(fitting, {_key(row["text"]): row for row in plain if row["label"]})
    draw = random.Random(SEED)
    picked: list[Row] = []
    for kind, number in WANTED.items():
        ordered = _round([row for row in rows if row["kind"] == kind], ("file", "manner"), draw)
        found = list(islice((row for row in ordered if not OFFENSIVE.search(row.get("hides") or row["text"])), number))
        if len(found) < number:
            raise SystemExit(f"{kind}: {len(found)} rows, {number} wanted")
        picked += found
    draw.shuffle(picked)
    return picked


def written(rows: Sequence[Row]) -> str:
    kept = ("text", "label", "kind", "source", "licence")
    return "".join(json.dumps({name: row[name] for name in kept}) + "\n" for row in rows)


def _rows(folder: Path) -> Iterator[Row]:
    seen: set[str] = set()
    for file in sorted(folder.glob("*.jsonl.gz")):
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            for line in lines:
                row: Row = json.loads(line)
                if row["text"] not in seen:
                    seen.add(row["text"])
                    manner = row.get("subtype") or row.get("lang", "")
                    yield row | {"file": file.name.partition(".")[0], "manner": manner}


def _fits(row: Row) -> bool:
    if row["licence"] not in PERMISSIVE and row["file"] != DISGUISED:
        return False
    return row["kind"] in WANTED and (row["file"], row["kind"]) not in LEFT_OUT and len(row["text"]) <= LONGEST


def _disguised(rows: Sequence[Row], known: Mapping[str, Row]) -> list[Row]:
    """Return the attacks in disguise that hide one of the `known` rows, with the source and licence of that row."""
    found = []
    for row in rows:
        if row["file"] == DISGUISED and row["label"]:
            base = next((known[key] for key in map(_key, _hidden(row["text"])) if key in known), None)
            if base:
                source = f"{base['source']}, disguised for this project"
                found.append(row | {"source": source, "licence": base["licence"], "hides": base["text"]})
    return found


def _hidden(text: str) -> Iterator[str]:
    """Yield what a text may hide; the ways that only put characters in between are left to `_key`."""
    undo: tuple[Callable[[str], str], ...] = (
        str,
        lambda each: each[::-1],
        lambda each: each.translate(_TAGS),
        lambda each: codecs.decode(each, "rot13"),
        lambda each: base64.b64decode(each, validate=True).decode(),
        lambda each: bytes.fromhex(each).decode(),
        lambda each: _ESCAPE.sub(lambda found: chr(int(found[1], 16)), each),
        html.unescape,
        unquote,
    )
    for piece in (text.strip(), text.partition("\n")[2].strip(), text.partition(":")[2].strip()):
        for way in undo:
            try:
                yield way(piece)
            except (ValueError, binascii.Error):
                continue


def _key(text: str) -> str:
    """Return the letters and digits of a text, in lower case."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", text).casefold())) or text


def _round(rows: list[Row], by: Sequence[str], draw: random.Random) -> list[Row]:
    """Return rows in a drawn order that goes round the groups of `by[0]`, inside each round those of `by[1]`."""
    if not by:
        return draw.sample(rows, len(rows))
    groups: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row[by[0]]].append(row)
    ordered = [_round(group, by[1:], draw) for group in groups.values()]
    if by[0] == "file":
        ordered = [group[: (len(group) + 1) // 2] for group in ordered]
    draw.shuffle(ordered)
    return [row for row in chain.from_iterable(zip_longest(*ordered)) if row is not None]


if __name__ == "__main__":
    main()
