"""The text about every system in Chinese: the same parts, formulas and numbers as in English, in Taiwan's terms."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from liuli.catalog import Listing, find, listings
from liuli.description import Description, descriptions, mark, translation

CHINESE = "zh-TW"
ROOT = Path(__file__).parents[2]
HAN = "[\u4e00-\u9fff]"

# As it is said elsewhere, and as it is said in Taiwan.
FOREIGN = {
    "代碼": "程式碼", "似然": "概似", "偏置": "偏差", "優化": "最佳化", "內存": "記憶體", "加載": "載入",
    "協方差": "共變異數", "反饋": "回饋", "圖像": "影像", "字符": "字元", "字節": "位元組", "實時": "即時",
    "屏幕": "螢幕", "打印": "列印", "批量": "批次", "採樣": "取樣", "插值": "內插", "支持": "支援",
    "擬合": "配適", "數據": "資料", "數組": "陣列", "服務器": "伺服器", "概率": "機率", "標量": "純量",
    "模塊": "模組", "歸一化": "正規化", "激活": "啟動", "用戶": "使用者", "矢量": "向量", "硬件": "硬體",
    "程序": "程式", "算子": "運算子", "網絡": "網路", "緩存": "快取", "缺省": "預設", "菜單": "選單",
    "視頻": "影片", "設置": "設定", "調用": "呼叫", "變量": "變數", "軟件": "軟體", "運行": "執行",
    "遞歸": "遞迴", "鏈接": "連結", "隨機數": "亂數", "魯棒": "穩健", "默認": "預設", "鼠標": "滑鼠",
    "信息": "資訊",
}  # fmt: skip
# Of the words of a formula only these are mathematics; any other may be told in Chinese.
FUNCTIONS = {
    "log", "exp", "tanh", "sin", "cos", "max", "argmax", "softmax", "softplus", "maxout",
    "gelu", "GELU", "ReLU", "LeakyReLU", "LayerNorm", "Dropout", "LN", "BN", "LSTM", "GRU",
    "MLP", "IoU", "KL", "PE", "Bernoulli",
}  # fmt: skip

every_text = pytest.mark.parametrize("listing", listings().values(), ids=listings().keys())


def both(listing: Listing) -> tuple[Description, Description]:
    found = descriptions(listing)
    return found["en"], found[CHINESE]


@every_text
def test_chinese_stands_beside_the_file_and_is_of_this_english(listing: Listing) -> None:
    file = translation(listing, CHINESE)
    assert file.is_file(), (
        f"{listing.name}: write {file.name} beside the system's file, its first line: {mark(listing)}"
    )
    first = file.read_text(encoding="utf-8").partition("\n")[0]
    assert first == mark(listing), (
        f"{listing.name}: its docstring has changed since {file.name} was written; "
        f"say the same there, then make its first line: {mark(listing)}"
    )


@every_text
def test_chinese_has_the_same_parts(listing: Listing) -> None:
    english, chinese = both(listing)
    assert list(chinese.sections) == list(english.sections)
    assert all(chinese.sections.values())
    assert [block.startswith(" ") for block in chinese.opening] == [block.startswith(" ") for block in english.opening]
    assert chinese.title.endswith("。")
    for text in (chinese.title, chinese.idea, *(chinese.sections[key] for key in ("Shapes", "Departures", "Look at"))):
        assert re.search(HAN, text)


def symbols(formula: str) -> Counter[str]:
    """The signs of a formula, in any order, without Chinese and punctuation."""
    plain = formula.replace("（", "(").replace("）", ")")
    plain = re.sub(rf"{HAN}|[,;:.，；：。、]", " ", plain)
    return Counter(re.findall(r"[A-Za-z]+(?:[-’'][A-Za-z]+)*|[^\W\d_]|\d+|\S", plain))


def is_word(sign: str) -> bool:
    """Whether a sign of a formula is English, not mathematics."""
    return sign == "a" or (len(sign) > 1 and sign.isascii() and sign[0].isalpha() and sign not in FUNCTIONS)


@every_text
def test_formulas_are_the_same(listing: Listing) -> None:
    english, chinese = (symbols(one.formula) for one in both(listing))
    assert chinese - english == Counter()
    assert [sign for sign in english - chinese if not is_word(sign)] == []


def numbers(text: str) -> Counter[float]:
    """The numbers of a text: 4.5 million, and 450 萬, as 4500000."""
    found = re.findall(r"(\d[\d,]*(?:\.\d+)?)(?: (million|萬|億))?", text.replace("10,000", "10000"))
    scale = {"": 1, "million": 10**6, "萬": 10**4, "億": 10**8}
    return Counter(round(float(digits.replace(",", "")) * scale[unit], 6) for digits, unit in found)


@every_text
def test_numbers_are_the_same(listing: Listing) -> None:
    english, chinese = both(listing)
    assert numbers(chinese.idea) == numbers(english.idea)
    for heading, text in english.sections.items():
        assert numbers(chinese.sections[heading]) == numbers(text), heading


@every_text
def test_code_and_works_are_the_same(listing: Listing) -> None:
    english, chinese = both(listing)
    code = re.compile(r"`[^`]*`|figures/\w+|--set [\w=.]+")
    assert code.findall(chinese.idea) == code.findall(english.idea)
    for heading, text in english.sections.items():
        assert code.findall(chinese.sections[heading]) == code.findall(text), heading
    works = [set(re.findall(r"[A-Z][\w-]+", one.sections["Paper"])) for one in (english, chinese)]
    assert works[1] <= works[0]
    assert works[0] - works[1] <= {"The", "Double", "LayerNorms"}, "of the authors and titles none is left out"


def glossary() -> dict[str, list[str]]:
    """Every term with the ways to say it in Chinese: {"learning rate": ["學習率"]}."""
    rows = [row.split("|")[1:3] for row in (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8").splitlines()[6:]]
    return {re.sub(r" \(.*", "", term.strip()): re.findall(r"[^、() ]+", said) for term, said in rows}


@every_text
def test_terms_are_those_of_the_glossary(listing: Listing) -> None:
    english, chinese = (
        " ".join([one.title, one.idea, *(text for key, text in one.sections.items() if key != "Paper")])
        for one in both(listing)
    )
    missing = [
        term
        for term, said in glossary().items()
        if re.search(rf"(?<![\w/.]){term}s?\b", english) and not any(way in chinese for way in said)
    ]
    assert missing == []


def faults(text: str) -> list[str]:
    """Terms that are not Taiwan's, and punctuation of half width between Chinese characters."""
    terms = [f"{term}: {here}" for term, here in FOREIGN.items() if term in text]
    return terms + re.findall(rf"{HAN}[,;:?!].?|.?[,;:?!]{HAN}|{HAN}\.(?!\w)", text)


@every_text
def test_chinese_is_taiwans(listing: Listing) -> None:
    assert faults(translation(listing, CHINESE).read_text(encoding="utf-8")) == []


def test_chinese_of_the_pages_is_taiwans() -> None:
    texts = json.loads((ROOT / "web" / "src" / "i18n" / "zh-TW.json").read_text(encoding="utf-8"))
    assert {key: faults(text) for key, text in texts.items() if faults(text)} == {}
    for file in (ROOT / "docs").rglob("*.md"):
        assert not [fault for fault in faults(file.read_text(encoding="utf-8")) if ": " in fault], file


@every_text
def test_metric_to_reach_has_a_name_on_the_pages(listing: Listing) -> None:
    assert f"metric.{listing.target.metric}" in json.loads((ROOT / "web/src/i18n/en.json").read_text(encoding="utf-8"))


def test_faults_are_found() -> None:
    assert faults("用激活函數,得到數據。") == ["數據: 資料", "激活: 啟動", "數,得"]
    assert symbols("loss: L = mean of x²") - symbols("損失：L = x² 的平均") == Counter(["loss", "mean", "of"])
    assert numbers("4.5 million pairs of 1,000") == numbers("450 萬對，各 1000")


@pytest.mark.parametrize("language", ["en", CHINESE])
def test_every_setting_of_a_recipe_has_a_name_on_the_pages(language: str) -> None:
    known = json.loads((ROOT / f"web/src/i18n/{language}.json").read_text(encoding="utf-8"))
    for listing in listings().values():
        settings = find(listing.name).recipe.settings()
        names = {*settings, settings["schedule"], *("yes", "no", "none")}
        assert {f"recipe.{name}" for name in names} <= known.keys(), listing.name
