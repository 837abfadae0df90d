"""Honest text in any language makes no finding and comes out as it went in."""

import base64
import hashlib
import random
import unicodedata

import pytest

from aiguard import Action, Gate, Stage

SENTENCES = {
    "English": "Could you summarise the minutes of Monday's meeting and list who has to do what by Friday?",
    "German": "Können Sie mir bitte erklären, wie die Straßenbahn zum Museum fährt? Größe und Fläche wären nützlich.",
    "French": "J'aimerais savoir où se trouve l'hôtel le plus proche ; nous arrivons à la gare vers dix-huit heures.",
    "Spanish": "¿Podrías escribir una carta de agradecimiento para mi vecina? Mañana cumple ochenta años.",
    "Portuguese": "A reunião começa às nove; não se esqueça de trazer a apresentação e o café, por favor.",
    "Polish": "Zażółć gęślą jaźń – to zdanie zawiera wszystkie polskie znaki, prawda? Proszę o krótką odpowiedź.",
    "Czech": "Příliš žluťoučký kůň úpěl ďábelské ódy, a přesto jsme dnes večer šli na procházku k řece.",
    "Turkish": "İstanbul'da ılık bir akşamdı; çocuklar sokakta oynuyor, büyükler çay içip sohbet ediyordu.",
    "Vietnamese": "Hôm nay trời đẹp, chúng tôi muốn đi dạo quanh hồ rồi ăn phở ở quán gần nhà thờ lớn.",
    "Russian": "Подскажите, пожалуйста, какая погода ожидается в выходные и стоит ли брать с собой зонт?",
    "Ukrainian": "Дякую за допомогу! Чи можете ви перекласти цей абзац і перевірити його на помилки?",
    "Greek": "Θα ήθελα μια συνταγή για μουσακά χωρίς κρέας, κατάλληλη για έξι άτομα και όχι πολύ ακριβή.",
    "Hebrew": "האם תוכלי להמליץ על ספר טוב לקריאה בחופשה? אני אוהבת סיפורים על הים ועל ערים ישנות.",
    "Arabic": "أُرِيدُ أن أتعلّم الطبخ، فهل يمكنك أن تقترح وصفة سهلة للمبتدئين مع قائمة بالمكوّنات؟",
    "Persian": "می‌خواهم نامه‌ای برای دوستم بنویسم؛ لطفاً جمله‌های کوتاه و ساده‌ای پیشنهاد بدهید.",
    "Hindi": "कृपया मुझे बताइए कि दिल्ली से आगरा तक की यात्रा में कितना समय लगता है और कौन-सी गाड़ी अच्छी है।",
    "Bengali": "আজ সকালে বাজার থেকে মাছ, শাক আর কিছু মিষ্টি কিনে আনতে পারবেন কি?",
    "Tamil": "நாளை காலை மழை பெய்யுமா? குடை எடுத்துக்கொண்டு போகலாமா என்று சொல்லுங்கள்.",
    "Thai": "พรุ่งนี้เราจะไปเที่ยวทะเล ช่วยแนะนำร้านอาหารที่ไม่แพงและอยู่ใกล้ชายหาดหน่อยได้ไหม",
    "Chinese": "请帮我把这段话翻译成英文，并检查一下语法有没有问题。谢谢！",
    "Japanese": "来週の会議の資料を作りたいのですが、グラフの見せ方について助言をいただけますか。ｶﾀｶﾅも可。",
    "Korean": "이번 주말에 부산으로 여행을 가려고 하는데, 꼭 가 봐야 할 곳을 세 군데만 추천해 주세요.",
    "Georgian": "გამარჯობა! შეგიძლიათ მირჩიოთ, რა ვნახო თბილისში ორ დღეში?",
    "Amharic": "ሰላም! ዛሬ ምን ዓይነት ምግብ መሥራት እንደምችል ልትነግረኝ ትችላለህ?",
}
NOISE = random.Random(11)
PIECES = {
    "England's flag": "We won! \U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f is coming home",
    "Scotland's flag": "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f and "
    "\U0001f3f4\U000e0067\U000e0062\U000e0077\U000e006c\U000e0073\U000e007f",
    "flags": "\U0001f1eb\U0001f1f7 against \U0001f1e9\U0001f1ea, then \U0001f1ef\U0001f1f5\U0001f1f0\U0001f1f7",
    "a family": "They are a family of four: \U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 indeed",
    "skin and hair": "\U0001f469\U0001f3fd\u200d\U0001f4bb wrote it, \U0001f9d1\U0001f3ff\u200d\U0001f9b1 read it",
    "a heart on fire": "I \u2764\ufe0f\u200d\U0001f525 this, \u263a\ufe0f \u2665\ufe0e",
    "keycaps": "Press 1\ufe0f\u20e3 then 2\ufe0f\u20e3 and #\ufe0f\u20e3",
    "a rainbow": "\U0001f3f3\ufe0f\u200d\U0001f308 \U0001f3f4\u200d\u2620\ufe0f",
    "soft hyphens": "Donau\u00addampf\u00adschiff\u00adfahrts\u00adgesell\u00adschaft is a long word",
    "mark of order": "\ufeffA file that begins with a byte order mark",
    "no-break blanks": "Il y a 1\u202f234\u00a0567\u00a0€ sur le compte\u00a0!",
    "Persian joiner": "کتاب‌ها و خانه‌های ما",
    "Sinhala joiner": "ශ්‍රී ලංකාව ලස්සනයි",
    "direction marks": "The shop \u200f(חנות)\u200f is open, see \u2068שלום\u2069",
    "decomposed accents": unicodedata.normalize("NFD", "Café crème à l'été, naïve Ångström, phở, Zażółć"),
    "formulas": "𝑎² + 𝑏² = 𝑐², where 𝑎, 𝑏 ∈ ℝ and ‖𝐱‖ ≤ ε·½",
    "IPA": "The word is said /ˌɪntəˈnæʃənəl/ in London",
    "Ligatures": "eﬃcient ﬁles ﬂow oﬀ",
    "Roman numerals": "Ⅷ and Ⅻ, ① ② ③, ™ © ®, ½ ¾",
    "base64 of bytes": "icon: " + base64.b64encode(NOISE.randbytes(600)).decode(),
    "digest": "sha256 " + hashlib.sha256(b"x").hexdigest() + " ok",
    "id": "request 3f2504e0-4f89-11d3-9a0c-0305e82c3301 took 12 ms",
    "hex dump": "00000000  7f 45 4c 46 02 01 01 00  00 00 00 00 00 00 00 00",
    "numbers": "12, 15, 22, 31, 40, 55, 61, 72, 80, 93 and 104",
    "percent": "100% of 20%25 and https://example.org/a%20b?q=caf%C3%A9",
    "entities": "Tom &amp; Jerry &lt;3 &mdash; &#8364;5",
    "table": "+-----+-----+\n| a   | b   |\n+-----+-----+\n| 1   | 2   |\n+-----+-----+",
    "code": "for (int i = 0; i < n; i++) { s[i] = '\\u00e9'; printf(\"%d\\n\", s[i]); }",
    "spaced initials": "J. R. R. Tolkien, U. S. A., F A Q",
    "leet in names": "Use h5py, s3fs and l10n with k8s; i18n too",
    "mixed scripts": "В Python есть f-строки; das heißt: β-Test, Σ-Notation und µ-Service",
}


@pytest.mark.parametrize("text", [*SENTENCES.values(), *PIECES.values()], ids=[*SENTENCES, *PIECES])
def test_honest_text_passes_untouched(gate: Gate, text: str) -> None:
    for stage in Stage:
        decision = gate.check(text, stage=stage)
        assert decision.findings == ()
        assert decision.action is Action.PASS
        assert decision.text.encode("utf-8", "surrogatepass") == text.encode("utf-8", "surrogatepass")


def test_honest_texts_together_pass_untouched(gate: Gate) -> None:
    text = "\n".join([*SENTENCES.values(), *PIECES.values()])
    decision = gate.check(text)
    assert decision.findings == ()
    assert decision.text == text


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb", "\x00\x01\x02", "\uffff\U0010ffff", "\r\n\x0b\x0c\x85\u2028"])
def test_odd_characters_pass_untouched(gate: Gate, text: str) -> None:
    assert gate.check(text).text == text
