"""The checks of matched text: known good values pass, and what each formula promises to catch fails.

Every value is drawn at random under the public formula; none belongs to a person.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiguard.patterns.verify import VERIFIERS

VALID: dict[str, tuple[str, ...]] = {
    "ar_cuit": (
        "20-31693794-3",
        "20-02509526-0",
    ),
    "at_svnr": (
        "5218 140682",
        "4141 120880",
    ),
    "au_medicare": (
        "2021 91450 0",
        "2954 61285 0",
    ),
    "au_tfn": (
        "931 093 738",
        "777 517 628",
        "19117191",
    ),
    "be_national": (
        "71.03.31-337.51",
        "71.03.23-152.88",
    ),
    "bitcoin": (
        "1A8CpYVHah9xwE35eTqn7Jo5VL4XjuSbDC",
        "3Q6qKboJpkdzQUT9fDVfHe6vJ7oqn5Gwet",
        "LeNfKn6hA1Q7AZsLrUuuCn952Gs8pKFMoe",
        "TB9mdZtAQA3nhoq3DWspzhk4rpkcUS6ubP",
        "bc1qcuxcm3dvxeswmgnczchlvy99umkwxxwuz7sdfd",
        "ltc1q3znrsy2s46y4nqewm49dlcldfgn5fg8zsl4ptk",
        "BC1Q46GE765FA2D7D824UJVWTSNKFERWQL8M5X48XJ",
    ),
    "br_cnpj": (
        "97.853.725/0001-64",
        "55.167.152/0001-75",
        "AB.CD7.205/0001-92",
    ),
    "br_cpf": (
        "100.507.426-71",
        "093.199.983-96",
    ),
    "ca_sin": (
        "522 508 381",
        "552 763 807",
    ),
    "ch_ahv": (
        "756.9002.7386.92",
        "756.4479.0113.78",
    ),
    "cl_rut": (
        "22.997.351-7",
        "10.262.566-8",
    ),
    "cn_resident_id": (
        "31011519950122914X",
        "310115195303035063",
    ),
    "cz_rodne_cislo": (
        "860211/4785",
        "850218/2656",
    ),
    "de_steuer_id": (
        "82 777 046 358",
        "85 371 886 946",
    ),
    "dk_cpr": (
        "100486-8825",
        "120382-9700",
    ),
    "es_dni": (
        "59755329H",
        "Z8750143M",
    ),
    "fi_hetu": (
        "171177-460J",
        "110482A157J",
    ),
    "fr_nir": (
        "260053685903245",
        "283057511315246",
        "102072A21618066",
    ),
    "hk_id": (
        "A128399(8)",
        "A382378(7)",
        "AB665419(1)",
    ),
    "hr_oib": (
        "72821043024",
        "34317886535",
    ),
    "iban": (
        "DE48351958448766061583",
        "GB59ABCD51749849349186",
        "NO0439388122511",
        "FR527922539873AAAAAAAAAAA20",
        "MT49ABCD97566342033343278079568",
        "ES5717871303234699850709",
        "NL88 ABCD 1684 6583 25",
    ),
    "ie_pps": ("8048457L",),
    "il_id": (
        "386790158",
        "307508945",
    ),
    "imei": (
        "35-575186-473499-0",
        "35-179343-043290-1",
    ),
    "in_aadhaar": (
        "4635 4245 2096",
        "4448 6988 6273",
    ),
    "in_pan": ("BNZPM4821K",),
    "isin": (
        "US9929028481",
        "US1078696556",
    ),
    "it_codice_fiscale": (
        "LRSRTN39M22E867I",
        "GLFCCP40B19H779O",
    ),
    "jp_my_number": (
        "474247512405",
        "353230887462",
    ),
    "kr_rrn": (
        "820410-1081141",
        "810113-1227354",
    ),
    "luhn": (
        "4228-4642-8926-9371",
        "377561999370543",
        "5480 2149 4795 0577",
        "6011845382219568",
        "6259658979202670432",
        "36266935963244",
    ),
    "luhn_digits": (
        "3599780654614880",
        "060431639198",
    ),
    "mx_curp": ("CUBH510619HDFLRN03",),
    "nl_bsn": (
        "039641818",
        "772464893",
    ),
    "no_fodselsnummer": (
        "14037913597",
        "15047795769",
    ),
    "pl_pesel": (
        "86011069056",
        "80091453716",
    ),
    "pt_nif": (
        "251280063",
        "278457673",
    ),
    "ro_cnp": (
        "1880112042647",
        "1840210373156",
    ),
    "ru_inn": (
        "779349280769",
        "775301194962",
    ),
    "ru_snils": (
        "122-800-302 98",
        "164-676-869 23",
    ),
    "se_personnummer": (
        "860118-9932",
        "840217-7748",
        "19830919-2550",
    ),
    "sg_nric": (
        "S2730427C",
        "S4534635H",
        "M2006691U",
        "G7867603K",
    ),
    "th_id": (
        "1-4783-67906-68-8",
        "1-1879-14543-76-1",
    ),
    "tr_tckn": (
        "68931128514",
        "27252725642",
    ),
    "tw_id": (
        "A131884251",
        "A168595416",
    ),
    "uk_nhs": (
        "414 579 5407",
        "488 301 7184",
    ),
    "uk_nino": ("LW 31 72 06 C",),
    "us_dea": (
        "BG0031625",
        "BL0977821",
    ),
    "us_itin": (
        "961-76-5081",
        "982-70-5485",
    ),
    "us_mbi": ("2FT5-GK7-MN81",),
    "us_npi": (
        "1924948098",
        "1916980836",
    ),
    "us_routing": (
        "031558013",
        "066773724",
    ),
    "us_ssn": (
        "439-16-7493",
        "430-52-6125",
    ),
    "vin": ("1HGE90Z46B8723441",),
    "za_id": (
        "8104161421088",
        "8405137621085",
    ),
}
# Formulas that catch every change of one digit.
CATCHES_ONE_DIGIT = [
    "ar_cuit",
    "au_tfn",
    "bitcoin",
    "ca_sin",
    "ch_ahv",
    "cn_resident_id",
    "cl_rut",
    "de_steuer_id",
    "es_dni",
    "fi_hetu",
    "fr_nir",
    "hk_id",
    "hr_oib",
    "iban",
    "il_id",
    "imei",
    "in_aadhaar",
    "luhn",
    "luhn_digits",
    "nl_bsn",
    "pl_pesel",
    "ru_snils",
    "se_personnummer",
    "sg_nric",
    "tr_tckn",
    "uk_nhs",
    "us_npi",
    "us_routing",
    "vin",
    "za_id",
]
# Formulas that catch every exchange of two different neighbouring digits.
CATCHES_EXCHANGE = [
    "bitcoin",
    "cl_rut",
    "cn_resident_id",
    "de_steuer_id",
    "es_dni",
    "fi_hetu",
    "fr_nir",
    "hr_oib",
    "iban",
    "in_aadhaar",
    "nl_bsn",
    "sg_nric",
    "uk_nhs",
]
OTHER_GOOD = [
    ("ethereum", "0x4f3c9a1be27d05886caa1f2b39e07d41c58e6b90"),
    ("ipv4", "214.111.25.228"),
    ("ipv4", "192.168.1.1"),
    ("ipv6", "2001:db8::1f"),
    ("ipv6", "1988:31a6:83af:63df:9c82:e46b:16a0:d707"),
    ("mac", "b4:df:37:c2:96:31"),
    ("mac", "08-93-47-46-96-9E"),
    ("mac", "0893.4746.969e"),
    ("phone", "+46 70 174 63 79"),
    ("phone", "(228)247-1724"),
    ("phone", "345-899-3560x4587"),
    ("phone", "030 12603188"),
    ("phone", "06 12 44 56 78"),
    ("iso_date", "15/11/1957"),
    ("iso_date", "1984-07-03"),
    ("iso_date", "7.9.98"),
    ("national_id", "71.03.18-081.47"),
    ("not_placeholder", "f3Kq9ZtB1x"),
    ("entropy", "f3Kq9ZtB1xLw72Pd"),
]
BAD = [
    ("luhn", "4111 1111 1111 1112"),
    ("luhn", "1234567812345670"),
    ("luhn", "0" * 16),
    ("luhn", "411111111111"),
    ("iban", "DE89370400440532013001"),
    ("iban", "DE8937040044053201300"),
    ("iban", "XX89370400440532013000"),
    ("us_ssn", "000-12-3456"),
    ("us_ssn", "666-12-3456"),
    ("us_ssn", "912-12-3456"),
    ("us_ssn", "123-00-4567"),
    ("us_ssn", "123-45-0000"),
    ("us_ssn", "078-05-1120"),
    ("us_itin", "912-12-4408"),
    ("us_itin", "812-71-4408"),
    ("uk_nino", "BG317206C"),
    ("uk_nino", "LW317206Q"),
    ("uk_nino", "ZZ317206C"),
    ("uk_nino", "LO317206C"),
    ("dk_cpr", "390875-1234"),
    ("pl_pesel", "84990112345"),
    ("at_svnr", "0000010180"),
    ("in_pan", "BNZXM4821K"),
    ("br_cpf", "111.111.111-11"),
    ("nl_bsn", "000000000"),
    ("cn_resident_id", "990105194912310021"),
    ("us_mbi", "2ST5-GK7-MN81"),
    ("us_routing", "990000000"),
    ("us_npi", "3000000000"),
    ("vin", "IOQ00000000000000"),
    ("bitcoin", "bc1isnotanaddress"),
    ("bitcoin", "1" * 34),
    ("ethereum", "0x" + "0" * 40),
    ("ethereum", "0x12"),
    ("ipv4", "1.2.3.4"),
    ("ipv4", "127.0.0.1"),
    ("ipv4", "255.255.255.0"),
    ("ipv4", "256.1.1.1"),
    ("ipv4", "0.0.0.0"),
    ("ipv6", "a::b"),
    ("ipv6", "::1"),
    ("ipv6", "12:30:45"),
    ("ipv6", "dead::beef:g"),
    ("mac", "00:00:00:00:00:00"),
    ("mac", "ff:ff:ff:ff:ff:ff"),
    ("mac", "12:34"),
    ("phone", "2026-11-22"),
    ("phone", "22.11.2026"),
    ("phone", "20261122"),
    ("phone", "0000000"),
    ("phone", "123456"),
    ("phone", "1234567890"),
    ("phone", "+1234567890123456"),
    ("iso_date", "45/45/1957"),
    ("iso_date", "1957"),
    ("iso_date", "31.02.1990"),
    ("national_id", "12"),
    ("not_placeholder", "changeme"),
    ("entropy", "aaaaaaaaaaaaaaaa"),
]
HOSTILE = (
    "",
    " ",
    "-",
    "\x00",
    "\u0664" * 16,
    "\uff14" * 16,
    "\u00b2" * 11,
    "1" * 512,
    "9" * 20_000,
    "A" * 512,
    "\ud800",
    "\u0130\u0131",
    "0x",
    "+",
    "::::",
    "%",
    "X",
    "bc1",
    "1" * 26,
    "fe80::1%" + "z" * 300,
    "\u00df" * 16,
    "\U0001f600" * 9,
)
VALUES = [(name, value) for name, values in sorted(VALID.items()) for value in values]


def with_one_digit_changed(value: str) -> Iterator[str]:
    for place, char in enumerate(value):
        if char in "0123456789":
            yield from (value[:place] + other + value[place + 1 :] for other in "0123456789" if other != char)


def with_neighbours_exchanged(value: str) -> Iterator[str]:
    for place in range(len(value) - 1):
        left, right = value[place], value[place + 1]
        if left != right and left in "0123456789" and right in "0123456789":
            yield value[:place] + right + left + value[place + 2 :]


@pytest.mark.parametrize(("name", "value"), VALUES + OTHER_GOOD)
def test_valid_value_passes(name: str, value: str) -> None:
    assert VERIFIERS[name](value)


@pytest.mark.parametrize(("name", "value"), BAD)
def test_invalid_value_fails(name: str, value: str) -> None:
    assert not VERIFIERS[name](value)


@pytest.mark.parametrize("name", CATCHES_ONE_DIGIT)
def test_one_changed_digit_fails(name: str) -> None:
    for value in VALID[name]:
        passed = [wrong for wrong in with_one_digit_changed(value) if VERIFIERS[name](wrong)]
        assert not passed


@pytest.mark.parametrize("name", CATCHES_EXCHANGE)
def test_exchanged_neighbours_fail(name: str) -> None:
    for value in VALID[name]:
        passed = [wrong for wrong in with_neighbours_exchanged(value) if VERIFIERS[name](wrong)]
        assert not passed


@pytest.mark.parametrize("name", sorted(VALID))
def test_shortened_or_foreign_digits_fail(name: str) -> None:
    for value in VALID[name]:
        place = next(i for i, char in enumerate(value) if char.isdigit())
        arabic = value[:place] + chr(0x660 + int(value[place])) + value[place + 1 :]
        assert not VERIFIERS[name](arabic)
        assert not VERIFIERS[name](value[: len(value) // 2])


@pytest.mark.parametrize("name", sorted(VERIFIERS))
def test_hostile_text_raises_nothing(name: str) -> None:
    for text in HOSTILE:
        assert VERIFIERS[name](text) in {True, False}


SHAPED = st.text(alphabet="0123456789ABCXYZabcf:.-+/() \u0664\u00b2\u0130", max_size=40)


@given(text=st.text(max_size=512) | SHAPED | st.from_regex(r"[0-9]{8,19}[A-Z]?", fullmatch=True))
def test_no_verifier_raises(text: str) -> None:
    for check in VERIFIERS.values():
        assert isinstance(check(text), bool)


def test_every_rule_check_is_tested() -> None:
    assert set(VERIFIERS) <= set(VALID) | {name for name, _ in OTHER_GOOD}
