"""What liuli's Python says of its own on the pages is known in Chinese, sentence by sentence as the source has them."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Iterator

from liuli.data import multi30k, pokemon, store
from tests.contract.spoken import ROOT, Sentence, sentences, sources, strings
from tests.contract.test_texts import faults

TEXTS = ROOT / "web" / "src" / "i18n"
NAMES: dict[str, str] = json.loads((TEXTS / "own.zh-TW.json").read_text(encoding="utf-8"))
REFUSALS: dict[str, str] = json.loads((TEXTS / "refusals.zh-TW.json").read_text(encoding="utf-8"))
BOTH = NAMES | REFUSALS
PART = "…"  # before a key that is only ever a part of others
CODE = {
    "name",
    "bndbox",
    "word-eval",
    "cartpole",
    "cliff-walking",
    "frozen-lake",
    "taxi",
    "language",
    "detection",
    "lab",
}  # as it is typed
CELLS = ("Platelets", "RBC", "WBC")  # as the files of the data set call them

LEFT_OUT = {
    "cli/": "said in the terminal to whoever typed the command",
    "checking.py": "only 'liuli check' compares with independent implementations",
    "training/exhibit.py": "only 'liuli exhibit' makes exhibits",
    "pretrained.py": "weights of others to begin from are words, which a page may not set",
    "tasks/tokens.py": "a tokenizer of others is named with their weights",
    "tasks/word_formats.py": "only 'liuli' and Python read and write files of word vectors",
    "tasks/bert_checkpoints.py": "checkpoints of others are named in the terminal",
    "tasks/pieces.py": "a tokenizer of others is named with their weights",
    "models/language/gpt.py": "weights of others to begin from are words, which a page may not set",
    "models/vision/resnet.py": "only Python takes over published weights",
    "lab/notebook.py": "before there is a page",
    "lab/page.py": "before there is a page",
    "lab/serving.py": "before there is a page",
    "lab/showing.py": "before there is a page",
    "lab/subjects.py": "a module is opened from the terminal or from Python, never from a page",
    "lab/users_code.py": "the same of what fails in its code",
    "explaining/explain.py": "no route calls what is asked from Python",
    "explaining/whatif.py": "no route calls what is asked from Python",
    "tracing/gradients.py": "a loss is given, and checked, when a module is opened",
    "tracing/parts.py": "a page holds the records that it shows",
    "tracing/tracer.py": "what `trace` is given is checked when a module is opened",
    "runs.py create": "a run begun from a page has a fresh folder",
    "training/engine.py check": "a page chooses neither engine nor precision",
}
"""Files, and functions in them, whose errors no page meets; and why."""
MET = (  # all the same
    "{}: there is no such run; train it first with 'liuli train bert', name another or a checkpoint with "
    "--set pretrained=…, or begin from nothing with --set pretrained=none",
    "the text is too short to learn pieces of words from; give more",
    "{}: with the numbers that were set, the module never comes to this value",
    "batch_size is {}, expected at least one for each of {} processes",
    "{}: its parts take turns in every step, which is done in float32, in one process and on whole batches; "
    "leave out --precision and --set accumulate",
)


def met(file: str, call: ast.Call, said: Sentence) -> bool:
    """Whether a page may meet an error."""
    return said.text in MET or not any(one in LEFT_OUT for one in places(file, call))


def places(file: str, call: ast.Call) -> tuple[str, ...]:
    """What a call in a file may be left out as."""
    function = sources()[file].around.get(call)
    return f"{file.partition('/')[0]}/", file, f"{file} {function.name if function else ''}"


def spoken(*names: str) -> Iterator[Sentence]:
    """What is said where something of these names is raised, where a page may meet it."""
    for source in sources().values():
        for call in source.calls(*names):
            found = [one for said in call.args for one in sentences(said, source)]
            found = found or [Sentence(source.file, ast.unparse(call))]  # which no table knows
            yield from (one for one in found if met(source.file, call, one))


def asked(name: str, place: int | str, *files: str) -> Iterator[Sentence]:
    """What is given in that place to every call of a function of that name, in all files or some."""
    for source in sources().values():
        if files and source.file not in files:
            continue
        for call in source.calls(name):
            found = [one.value for one in call.keywords if one.arg == place]
            found += [call.args[place]] if isinstance(place, int) and place < len(call.args) else []
            yield from (one for said in found for one in sentences(said, source))


def known(text: str, table: dict[str, str]) -> bool:
    """Whether a page finds a text: as it is, as a part, or as a word before a number."""
    return text in table or PART + text in table or (text.endswith(" {}") and text.removesuffix(" {}") in table)


def unsaid(found: Iterable[Sentence], table: dict[str, str], fewest: int) -> set[str]:
    """Sentences that are not in a table, and places whose own words would stay English; there are some at least."""
    every = {one for top in found for one in top.every() if one.text not in CODE}
    assert len(every) >= fewest
    missing = {f"{one.file}: {one.text}" for one in every if not known(one.text, table)}
    for one in every:
        said = table.get(one.text) or table.get(PART + one.text) or ""
        own = [{part.text for part in parts} - CODE for parts in one.parts]
        raw = [place for place, parts in enumerate(own) if parts and f"{{{place}}}" in said]
        missing |= {f"{one.file}: {one.text} says {said}, expected {{{place}!}}" for place in raw}
    return missing


def test_why_something_cannot_be_done_is_said_in_chinese() -> None:
    assert unsaid(spoken("UserError", "Busy", "Refused"), BOTH, 400) == set()
    assert unsaid(asked("refuse", 2, "lab/guard.py"), BOTH, 4) == set()
    assert unsaid(asked("Form", "looks"), BOTH, 11) == set()


def test_nothing_is_left_out_that_is_not_there() -> None:
    raised = [(source, call) for source in sources().values() for call in source.calls("UserError")]
    assert LEFT_OUT.keys() - {place for source, call in raised for place in places(source.file, call)} == set()
    assert set(MET) - {one.text for source, call in raised for one in sentences(call.args[0], source)} == set()


def test_why_a_training_failed_is_said_in_chinese() -> None:
    assert unsaid(asked("update", "reason", "training/ending.py"), BOTH, 2) == set()
    found = strings(sources()["training/hunt.py"])
    first = [one for one in found if re.match("the (loss$|output|gradient)|weight '", one.text)]
    assert unsaid(first, BOTH, 5) == set()


def test_why_a_number_is_not_explained_is_said_in_chinese() -> None:
    assert unsaid(spoken("NotExplained"), NAMES, 30) == set()
    reasons = [
        one
        for node in ast.walk(sources()["lab/instances.py"].tree)
        if isinstance(node, ast.Dict)
        for key, value in zip(node.keys, node.values, strict=True)
        if isinstance(key, ast.Constant) and key.value == "reason"
        for one in sentences(value, sources()["lab/instances.py"])
    ]
    assert unsaid(reasons, NAMES, 1) == set()


def test_notes_of_a_record_are_said_in_chinese() -> None:
    """Whatever is put into `Record.notes`, or given to a new record for them."""
    found = []
    for source in sources().values():
        for call in source.calls("append"):
            if isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value).endswith("notes"):
                found += list(sentences(call.args[0], source)) or [Sentence(source.file, ast.unparse(call))]
        for call in source.calls("Record"):
            for given in call.args[1:2]:
                parts = given.elts if isinstance(given, ast.List) else []
                found += [one for part in parts for one in sentences(part, source)]
    assert unsaid(found, NAMES, 4) == set()


def answers() -> Iterator[Sentence]:
    """Every sentence that a task answers or remarks: f-strings beside "answer" and in `remark`s."""
    for source in sources().values():
        if not source.file.startswith("tasks/"):
            continue
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Dict):
                for key, value in zip(node.keys, node.values, strict=True):
                    if isinstance(key, ast.Constant) and key.value == "answer" and isinstance(value, ast.JoinedStr):
                        yield from sentences(value, source)
        for call in source.calls("append"):
            if ast.unparse(call.func) == "remarks.append":
                yield from sentences(call.args[0], source)


def test_answers_and_remarks_are_said_in_chinese() -> None:
    assert unsaid(answers(), NAMES, 8) == set()


def test_examples_that_are_asked_about_have_a_name() -> None:
    assert unsaid(asked("Example", 0), NAMES, 1) == set()
    asked_for = [one for one in strings(sources()["lab/road.py"]) if "…" in one.text]
    assert unsaid(asked_for, NAMES, 1) == set()


def figures() -> set[str]:
    """The name of every figure that a task draws: keys of what is `drawn`, saved, or watched as it comes along."""
    found: set[str] = set()
    for source in (one for one in sources().values() if one.file.startswith("tasks/")):
        for node in ast.walk(source.tree):
            match node:
                case ast.Assign(targets=[ast.Name(id="drawn")], value=ast.Dict(keys=keys)):
                    found |= names_of(keys)
                case ast.Assign(targets=[ast.Subscript(value=ast.Name(id="drawn"), slice=key)]):
                    found |= names_of([key])
                case ast.Call(func=called, args=[ast.Dict(keys=keys), *_]) if "save" in ast.unparse(called):
                    found |= names_of(keys)
                case ast.Dict(keys=keys) if node in source.around and source.around[node].name == "watch":
                    found |= names_of(keys)
                case ast.Constant(value=str(file)) if file.endswith(".gif") and file != ".gif":
                    found.add(file.removesuffix(".gif"))
    return found


def names_of(keys: Iterable[ast.expr | None]) -> set[str]:
    """Those that are strings."""
    return {one.value for one in keys if isinstance(one, ast.Constant) and isinstance(one.value, str)}


def test_figures_have_a_caption_in_both_languages() -> None:
    found = figures()
    assert len(found) >= 38
    for language in ("en", "zh-TW"):
        said = json.loads((TEXTS / f"{language}.json").read_text(encoding="utf-8"))
        captions = {key.removeprefix("figure.") for key in said if key.startswith("figure.")}
        assert found ^ captions == set()


def test_states_actions_and_classes_are_said_in_chinese() -> None:
    for name in ("racing", "taxi", "frozen-lake", "cliff-walking"):
        facts = store.load(name).facts
        for axis, names in facts.details["axes"].items():
            assert axis in NAMES or f"{axis} {{}}" in NAMES
            assert {one for one in names if not one.isdigit()} <= NAMES.keys()
        assert set(facts.classes) <= NAMES.keys()
    for name in ("iris", "cartpole"):
        facts = store.load(name).facts
        assert {*facts.classes, *facts.details.get("columns", ()), *facts.details.get("measured", ())} <= NAMES.keys()
    assert {*pokemon.TYPES, *pokemon.COLUMNS, *multi30k.LANGUAGES.values()} <= NAMES.keys()


def test_every_sentence_is_one_of_the_source() -> None:
    known = {one.text for source in sources().values() for one in strings(source)}
    words = " ".join(known)
    known |= {f"{axis} {{}}" for name in ("racing", "taxi") for axis in store.load(name).facts.details["axes"]}
    keys = {key.removeprefix(PART) for key in BOTH}
    assert sorted(key for key in keys if "{}" in key and key not in known) == []
    assert sorted(key for key in keys if "{}" not in key and key not in words and key not in CELLS) == []
    assert NAMES.keys() & REFUSALS.keys() == set()


def test_the_places_of_a_sentence_are_those_of_its_english() -> None:
    for english, chinese in BOTH.items():
        places = {int(number) for number in re.findall(r"\{(\d+)[!&]?\}", chinese)}
        assert places <= set(range(english.count("{}"))), english
        assert faults(re.sub(r"[\[\"{].*[\]\"}]", "", chinese)) == [], english
