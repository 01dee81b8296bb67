"""How a plugin's files become modules to ship, and which are refused."""

from __future__ import annotations

import asyncio
import os
import re
import resource
import sys
from pathlib import Path

import pytest

from isoscan import PluginLoadError
from isoscan.sandbox.deno import find_deno
from isoscan.sandbox.modules import PluginSource, source_from_code, source_from_file

ENTRY = "export function scan_transaction() {}\n"


def write(folder: Path, **files: str) -> Path:
    """Writes files (`__` is a folder, `_dot_` a dot) and returns `plugin.ts`."""
    for name, text in files.items():
        path = folder / (name.replace("__", "/").replace("_dot_", ".") + ("" if "_dot_" in name else ".ts"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder / "plugin.ts"


def load(path: Path) -> PluginSource:
    """Reads a plugin with the real Deno."""
    return asyncio.run(source_from_file(path, find_deno()))


def refusal(path: Path) -> str:
    """Why a plugin cannot be read."""
    with pytest.raises(PluginLoadError) as caught:
        load(path)
    return str(caught.value)


def joined(source: PluginSource, index: int = -1) -> str:
    """A module's text with `#n#` where the URL of module n belongs."""
    return "".join(p if isinstance(p, str) else f"#{p}#" for p in source.modules[index].parts)


def test_code_is_one_module() -> None:
    """A plugin given as text is shipped as it is."""
    source = source_from_code(ENTRY, "a.ts")
    assert source.names == ["a.ts"]
    assert source.modules[0].parts == [ENTRY]


def test_nul_character_is_refused() -> None:
    """Code with a NUL character is refused before anything is started."""
    with pytest.raises(PluginLoadError):
        source_from_code("a\0b", "a.ts")


def test_single_file(tmp_path: Path) -> None:
    """A file without imports needs no graph."""
    source = asyncio.run(source_from_file(write(tmp_path, plugin=ENTRY), Path("/no/deno/needed")))
    assert source.names == ["plugin.ts"]
    assert source.path == tmp_path / "plugin.ts"


@pytest.mark.parametrize(
    ("suffix", "kind"),
    [
        ("ts", "application/typescript"),
        ("mts", "application/typescript"),
        ("js", "text/javascript"),
        ("mjs", "text/javascript"),
    ],
)
def test_suffix_decides_the_type(tmp_path: Path, suffix: str, kind: str) -> None:
    """TypeScript and JavaScript files are shipped as what they are."""
    path = tmp_path / f"plugin.{suffix}"
    path.write_text(ENTRY)
    assert load(path).modules[0].type == kind


@pytest.mark.parametrize("name", ["plugin.py", "plugin", "plugin.d.ts", "plugin.json", "plugin.ts.bak"])
def test_other_files_are_no_plugins(tmp_path: Path, name: str) -> None:
    """A file that cannot be a plugin is refused by name."""
    path = tmp_path / name
    path.write_text(ENTRY)
    assert name in refusal(path)


def test_imports_come_before_importers(tmp_path: Path) -> None:
    """Several files are ordered so that each URL is known when it is needed."""
    path = write(
        tmp_path,
        plugin='import { a } from "./a.ts";\nimport { b } from "./lib/b.ts";\n' + ENTRY,
        a='import { b } from "./lib/b.ts";\nexport const a = b;\n',
        lib__b="export const b = 1;\n",
    )
    source = load(path)
    assert source.names == ["lib/b.ts", "a.ts", "plugin.ts"]
    for index, module in enumerate(source.modules):
        assert all(part < index for part in module.parts if isinstance(part, int))
    assert joined(source) == "import { a } from #1#;\nimport { b } from #0#;\n" + ENTRY


def test_lines_and_columns_before_an_import_stay(tmp_path: Path) -> None:
    """Replacing a specifier moves no line."""
    text = "// one\n\nimport { a } from './a.ts';\n// four\n" + ENTRY
    source = load(write(tmp_path, plugin=text, a="export const a = 1;\n"))
    assert joined(source).count("\n") == text.count("\n")


def test_same_specifier_twice(tmp_path: Path) -> None:
    """A file imported twice is shipped once, and both places get its URL."""
    text = 'import { a } from "./a.ts";\nexport { b } from "./a.ts";\n' + ENTRY
    source = load(write(tmp_path, plugin=text, a="export const a = 1, b = 2;\n"))
    assert source.names == ["a.ts", "plugin.ts"]
    assert joined(source).count("#0#") == 2


def test_two_specifiers_for_one_file(tmp_path: Path) -> None:
    """Two spellings of one file are one module."""
    text = 'import { a } from "./a.ts";\nimport { b } from "./lib/../a.ts";\n' + ENTRY
    source = load(write(tmp_path, plugin=text, a="export const a = 1, b = 2;\n"))
    assert source.names == ["a.ts", "plugin.ts"]
    assert joined(source).count("#0#") == 2


@pytest.mark.parametrize(
    "statement",
    [
        'import { a } from "./a.ts";',
        "import { a } from './a.ts';",
        'import{a}from"./a.ts";',
        'import "./a.ts";',
        'import * as x from "./a.ts";',
        'import x, { a } from "./a.ts";',
        'import {\n  a,\n} from\n  "./a.ts";',
        'export * from "./a.ts";',
        'export { a as z } from "./a.ts";',
        'const x = await import("./a.ts");',
        "const f = () => import( './a.ts' );",
        'import { a } from "./a.ts" // why\n;',
    ],
)
def test_forms_of_import(tmp_path: Path, statement: str) -> None:
    """Every way to write an import of a neighbour is understood."""
    text = f"{statement}\n{ENTRY}"
    source = load(write(tmp_path, plugin=text, a="export const a = 1;\nexport default 2;\n"))
    assert source.names == ["a.ts", "plugin.ts"]
    assert "./a.ts" not in joined(source)


def test_specifier_in_other_text_stays(tmp_path: Path) -> None:
    """The same words in a string or a comment are no import."""
    text = (
        'import { a } from "./a.ts";\n'
        'const shown = `import { a } from "./a.ts"`;\n'
        '// import { a } from "./a.ts"\n'
        'const path = "./a.ts";\n' + ENTRY
    )
    source = load(write(tmp_path, plugin=text, a="export const a = 1;\n"))
    shipped = joined(source)
    assert shipped.startswith("import { a } from #0#;")
    assert '`import { a } from "./a.ts"`' in shipped
    assert 'const path = "./a.ts";' in shipped


def test_text_beyond_ascii_before_an_import(tmp_path: Path) -> None:
    """Characters of several bytes or code units do not shift the cut."""
    text = '// é 😀 \u2028\nconst x = "😀"; import { a } from "./a.ts";\n' + ENTRY
    source = load(write(tmp_path, plugin=text, a="export const a = 1;\n"))
    assert "from #0#;" in joined(source)


def test_file_name_beyond_ascii(tmp_path: Path) -> None:
    """Neighbours may have any name."""
    (tmp_path / "ü b.ts").write_text("export const a = 1;\n", encoding="utf-8")
    source = load(write(tmp_path, plugin='import { a } from "./ü b.ts";\n' + ENTRY))
    assert source.names == ["ü b.ts", "plugin.ts"]


def test_byte_order_mark(tmp_path: Path) -> None:
    """A BOM is no part of the code."""
    path = write(
        tmp_path, plugin='\ufeffimport { a } from "./a.ts";\n' + ENTRY, a="\ufeffexport const a = 1;\n"
    )
    source = load(path)
    assert joined(source).startswith("import { a } from #0#")
    assert joined(source, 0).startswith("export")


def test_windows_line_ends(tmp_path: Path) -> None:
    """CRLF files are imported and cut like others."""
    path = tmp_path / "plugin.ts"
    path.write_bytes(b'import { a } from "./a.ts";\r\nexport function scan_transaction() {}\r\n')
    (tmp_path / "a.ts").write_bytes(b"export const a = 1;\r\n")
    assert joined(load(path)).startswith("import { a } from #0#;")


def test_type_imports_are_dropped(tmp_path: Path) -> None:
    """What is only a type at run time is not shipped, and may even be missing."""
    text = 'import type { A } from "./types.ts";\nimport { type B, c } from "./c.ts";\n' + ENTRY
    path = write(
        tmp_path, plugin=text, types="export interface A {}\n", c="export type B = 1;\nexport const c = 1;\n"
    )
    assert load(path).names == ["c.ts", "plugin.ts"]


def test_reference_to_types_is_dropped(tmp_path: Path) -> None:
    """`/// <reference>` to the shipped types is no import."""
    text = '/// <reference path="../../isoscan.d.ts" />\nimport { a } from "./a.ts";\n' + ENTRY
    assert load(write(tmp_path, plugin=text, a="export const a = 1;\n")).names == ["a.ts", "plugin.ts"]


def test_json_import(tmp_path: Path) -> None:
    """A JSON file of the folder is shipped as JSON."""
    text = 'import data from "./data.json" with { type: "json" };\n' + ENTRY
    source = load(write(tmp_path, plugin=text, data_dot_json='{"a": 1}'))
    assert [module.type for module in source.modules] == ["application/json", "application/typescript"]


def test_circle_is_refused(tmp_path: Path) -> None:
    """Files that import each other in a circle are refused, and the circle is shown."""
    path = write(
        tmp_path,
        plugin='import "./a.ts";\n' + ENTRY,
        a='import "./b.ts";\nexport const a = 1;\n',
        b='import "./a.ts";\nexport const b = 1;\n',
    )
    text = refusal(path)
    assert "a.ts" in text
    assert "b.ts" in text


def test_import_of_itself_is_refused(tmp_path: Path) -> None:
    """The smallest circle is one, too."""
    assert "plugin.ts" in refusal(write(tmp_path, plugin='import * as me from "./plugin.ts";\n' + ENTRY))


def test_missing_file_names_file_and_line(tmp_path: Path) -> None:
    """A missing neighbour is reported where it is imported."""
    text = refusal(write(tmp_path, plugin='\n\nimport { a } from "./gone.ts";\n' + ENTRY))
    assert "gone.ts" in text
    assert "plugin.ts:3" in text


def test_missing_file_below_a_neighbour(tmp_path: Path) -> None:
    """The importer named is the one that imports."""
    text = refusal(write(tmp_path, plugin='import "./a.ts";\n' + ENTRY, a='\nimport "./gone.ts";\n'))
    assert "a.ts:2" in text


def test_missing_plugin(tmp_path: Path) -> None:
    """A plugin file that is not there is a typed error."""
    assert "plugin.ts" in refusal(tmp_path / "plugin.ts")


def test_folder_is_no_plugin(tmp_path: Path) -> None:
    """A folder with the right suffix is a typed error."""
    (tmp_path / "plugin.ts").mkdir()
    assert "plugin.ts" in refusal(tmp_path / "plugin.ts")


def test_binary_file_is_refused(tmp_path: Path) -> None:
    """A file that is not UTF-8 is a typed error."""
    path = tmp_path / "plugin.ts"
    path.write_bytes(b"\xff\xfe\x00\x01")
    assert "UTF-8" in refusal(path)


def test_binary_neighbour_is_refused(tmp_path: Path) -> None:
    """So is a neighbour."""
    (tmp_path / "a.ts").write_bytes(b"export const a = '\xff\xfe';")
    refusal(write(tmp_path, plugin='import { a } from "./a.ts";\n' + ENTRY))


@pytest.mark.parametrize("form", ["../outside.ts", "./lib/../../outside.ts", "file://{outside}"])
def test_file_outside_the_folder_is_refused(tmp_path: Path, form: str) -> None:
    """Nothing outside the plugin's folder is read into a plugin."""
    outside = tmp_path / "outside.ts"
    outside.write_text("export const secret = 'hidden';\n")
    folder = tmp_path / "plugin"
    folder.mkdir()
    specifier = form.format(outside=outside)
    text = refusal(write(folder, plugin=f'import {{ secret }} from "{specifier}";\n' + ENTRY))
    assert "hidden" not in text


@pytest.mark.parametrize("name", ["secret.ts", "secret.json"])
def test_link_out_of_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    """A symbolic link inside the folder does not open what lies outside."""
    outside = tmp_path / name
    outside.write_text('{"hidden": 1}' if name.endswith("json") else "export default 'hidden';\n")
    folder = tmp_path / "plugin"
    folder.mkdir()
    (folder / name).symlink_to(outside)
    attribute = ' with { type: "json" }' if name.endswith("json") else ""
    text = refusal(write(folder, plugin=f'import x from "./{name}"{attribute};\n' + ENTRY))
    assert "hidden" not in text


def test_linked_folder_is_refused(tmp_path: Path) -> None:
    """Neither does a linked folder."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/a.ts").write_text("export const a = 1;\n")
    folder = tmp_path / "plugin"
    folder.mkdir()
    (folder / "lib").symlink_to(tmp_path / "outside")
    refusal(write(folder, plugin='import { a } from "./lib/a.ts";\n' + ENTRY))


def test_link_inside_the_folder_is_fine(tmp_path: Path) -> None:
    """A link to a neighbour is the neighbour."""
    path = write(tmp_path, plugin='import { a } from "./b.ts";\n' + ENTRY, a="export const a = 1;\n")
    (tmp_path / "b.ts").symlink_to(tmp_path / "a.ts")
    assert load(path).names[-1] == "plugin.ts"


def test_plugin_reached_through_a_link(tmp_path: Path) -> None:
    """A plugin folder that is itself linked works as the folder it points to."""
    real = tmp_path / "real"
    real.mkdir()
    write(real, plugin='import { a } from "./a.ts";\n' + ENTRY, a="export const a = 1;\n")
    (tmp_path / "link").symlink_to(real)
    assert load(tmp_path / "link/plugin.ts").names == ["a.ts", "plugin.ts"]


@pytest.mark.parametrize(
    "specifier",
    [
        "https://example.com/x.ts",
        "http://example.com/x.ts",
        "npm:left-pad",
        "jsr:@std/path",
        "node:fs",
        "fs",
        "lodash",
        "data:text/javascript,export default 1",
        "blob:null/1",
        "ext:core/ops",
        "#internal",
    ],
)
@pytest.mark.parametrize("form", ['import x from "{}";', 'export * from "{}";', 'await import("{}");'])
def test_import_of_anything_else_is_refused(tmp_path: Path, specifier: str, form: str) -> None:
    """Only files of the own folder can be imported; the line is named."""
    text = refusal(write(tmp_path, plugin="\n" + form.format(specifier) + "\n" + ENTRY))
    assert re.search(r"plugin\.ts:2\b", text)


def test_computed_import_is_left_to_run_time(tmp_path: Path) -> None:
    """An import of a computed name is not seen here; the sandbox refuses it when it runs."""
    text = 'const n = "./a" + ".ts";\nexport const f = () => import(n);\n' + ENTRY
    assert load(write(tmp_path, plugin=text, a="export const a = 1;\n")).names == ["plugin.ts"]


def test_syntax_error_names_file_and_line(tmp_path: Path) -> None:
    """A neighbour that does not parse is reported with its place."""
    text = refusal(
        write(
            tmp_path, plugin='import { a } from "./a.ts";\n' + ENTRY, a="export const a = 1;\n\nlet = = 2;\n"
        )
    )
    assert "a.ts" in text
    assert re.search(r":3:\d+", text)


def test_syntax_error_in_the_entry(tmp_path: Path) -> None:
    """So is the entry itself when it imports something."""
    text = refusal(
        write(tmp_path, plugin='import { a } from "./a.ts";\nlet = = 2;\n', a="export const a = 1;\n")
    )
    assert "plugin.ts" in text
    assert re.search(r":2:\d+", text)


def test_names_are_relative(tmp_path: Path) -> None:
    """No module name shows where on the disk the plugin lies."""
    path = write(tmp_path, plugin='import "./lib/deep/a.ts";\n' + ENTRY, lib__deep__a="export const a = 1;\n")
    for name in load(path).names:
        assert str(tmp_path) not in name
        assert not name.startswith("/")


# ---- files meant to hurt whoever reads them ------------------------------------------


@pytest.mark.parametrize("name", ["plugin.ts", "neighbour.ts"])
def test_what_is_no_file_is_refused(tmp_path: Path, name: str) -> None:
    """A device without end and a pipe that nobody writes to are refused, not read."""
    path = write(tmp_path, plugin=f"import './neighbour.ts';\n{ENTRY}")
    (tmp_path / name).unlink(missing_ok=True)
    if name == "plugin.ts":
        os.mkfifo(tmp_path / name)
        assert "not a regular file" in refusal(path)
        (tmp_path / name).unlink()
    (tmp_path / name).symlink_to("/dev/zero")
    assert refusal(path)


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")
@pytest.mark.parametrize("form", ["import '/dev/zero';", "import x from '/dev/zero' with { type: 'json' };"])
def test_import_without_end(tmp_path: Path, form: str) -> None:
    """Deno reads what is imported before it can be refused, but does not fill the memory with it."""
    assert refusal(write(tmp_path, plugin=f"{form}\n{ENTRY}"))
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 < 2 << 30


def test_chain_of_imports_has_an_end(tmp_path: Path) -> None:
    """Thousands of files that import each other in a row are refused with a reason."""
    for number in range(1200):
        (tmp_path / f"m{number}.ts").write_text(f"import './m{number + 1}.ts';", encoding="utf-8")
    (tmp_path / "m1200.ts").write_text("", encoding="utf-8")
    assert "deep" in refusal(write(tmp_path, plugin=f"import './m0.ts';\n{ENTRY}"))
