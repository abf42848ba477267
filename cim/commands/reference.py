"""``cim reference``: the reference pages of the documentation, read off the declarations."""

from __future__ import annotations

import inspect
import json
import shlex
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic.fields import FieldInfo

from cim import errors
from cim.commands.ending import clear_errors
from cim.ingest.joining import JOIN
from cim.ingest.labelling import LABELS
from cim.ingest.pipeline import readers
from cim.ingest.tubing import TUBES
from cim.layers import Layer
from cim.settings import Settings
from cim.store.files import write_atomic
from cim.topic import Analysis
from cim.topics import discover

_NOTE = "<!-- written by `cim reference`; do not edit -->\n\n"


@clear_errors
def reference(
    out: Annotated[Path, typer.Option(help="folder to write")] = Path("docs/reference"),
) -> None:
    """Write the reference pages: analyses, layers, readers, settings, errors."""
    for name, text in pages().items():
        write_atomic(out / name, text)
    typer.echo(f"{len(pages())} pages in {out}")


def pages() -> dict[str, str]:
    """All reference pages by file name."""
    found = {
        "questions.md": _questions(),
        "layers.md": _layers(),
        "settings.md": _settings(),
        "errors.md": _errors(),
        "readers.md": _readers(),
    }
    for topic in discover():
        for analysis in topic.analyses:
            found[f"{analysis.id}.md"] = _analysis(analysis)
    return found


def _questions() -> str:
    """All questions by topic, in both languages."""
    text = f"# Questions\n\n{_NOTE}"
    for topic in discover():
        if topic.analyses:
            text += (
                f"## {topic.title} · {topic.title_en}\n\n| id | 问题 | question |\n|---|---|---|\n"
            )
            for one in topic.analyses:
                text += f"| [`{one.id}`]({one.id}.md) | {one.title} | {one.title_en} |\n"
            text += "\n"
    return text.rstrip() + "\n"


def _analysis(analysis: Analysis) -> str:
    schema = analysis.parameters.model_json_schema()
    required = set(schema.get("required", []))
    rows = [
        _row(name, value, required=name in required) for name, value in schema["properties"].items()
    ]
    example = "".join(f" \\\n  --{k} {_word(v)}" for k, v in analysis.example.items())
    topic, name = analysis.id.split(".")
    references = "".join(f"- {text}\n" for text in analysis.references)
    return (
        f"# {analysis.title} · {analysis.title_en}\n\n{_NOTE}"
        f"`{analysis.id}`, method version {analysis.version}\n\n"
        f"{analysis.summary}\n\n{analysis.summary_en}\n\n"
        "| parameter | 名称 | unit | default | limits | meaning |\n|---|---|---|---|---|---|\n"
        + "\n".join(rows)
        + f"\n\nOn the command line:\n\n```sh\ncim run {analysis.id}{example}\n```\n\n"
        f"By HTTP: `POST /api/topics/{topic}/{name}` with the parameters as JSON; "
        f"`GET` gives their JSON Schema.\n"
        + (
            f"\nMethod, definitions, limits and how it is proved: [{analysis.guide}]"
            f"(../{analysis.guide}).\n"
            if analysis.guide
            else ""
        )
        + (f"\nReferences:\n\n{references}" if references else "")
    )


def _row(name: str, value: dict[str, Any], *, required: bool) -> str:
    # Limits of a parameter that may be left out stand one floor deeper.
    within = {k: v for part in value.get("anyOf", ()) for k, v in part.items()} | value
    limits = " ".join(
        f"{sign} {within[key]:g}"
        for key, sign in (
            ("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"), ("exclusiveMaximum", "<")
        )
        if key in within
    ) or " ".join(f"`{one}`" for one in within.get("enum", ()))  # fmt: skip
    default = "required" if required else f"`{value.get('default')}`"
    return (
        f"| `{name}` | {value.get('title', '')} | {value.get('x-unit', '')} | {default} "
        f"| {limits} | {value.get('x-description-en') or value.get('description', '')} |"
    )


def _word(value: Any) -> str:
    """A value as a shell takes it: a place as its two numbers, corners and areas as JSON."""
    if isinstance(value, list | tuple) and not any(isinstance(v, list | tuple) for v in value):
        return shlex.quote(",".join(map(str, value)))
    if isinstance(value, list | tuple | dict):
        return shlex.quote(json.dumps(value, ensure_ascii=False))
    return shlex.quote(str(value))


def _layers() -> str:
    text = f"# Layers · 图层\n\n{_NOTE}"
    for topic in discover():
        text += f"## {topic.title} · {topic.title_en} (`{topic.name}`)\n\n"
        text += "\n".join(_layer(layer) for layer in topic.layers) + "\n"
    return text.rstrip() + "\n"


def _layer(layer: Layer) -> str:
    text = (
        f"### `{layer.id}` {layer.title} · {layer.title_en}\n\n"
        f"{layer.kind}{f', {layer.geometry}' if layer.geometry else ''}; {layer.data_class}; "
        f"owner {layer.owner or '-'}. {layer.abstract}\n"
    )
    if not layer.fields:
        return text
    rows = [
        f"| `{f.name}` | {f.title} | {f.type} | {f.unit} | {'yes' if f.required else ''} "
        f"| {', '.join(f.aliases)} |"
        for f in layer.fields
    ]
    heading = "| field | 名称 | type | unit | required | aliases |\n|---|---|---|---|---|---|\n"
    return text + "\n" + heading + "\n".join(rows) + "\n"


def _settings() -> str:
    rows = [
        f"| `CIM_{name.upper()}` | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    return (
        f"# Settings\n\n{_NOTE}Read from the environment.\n\n| variable | meaning |\n|---|---|\n"
        + "\n".join(rows)
        + "\n"
    )


def _readers() -> str:
    text = (
        f"# Readers · 数据读取\n\n{_NOTE}`cim ingest` finds the reader by names and headers; each "
        "has options, given as `-o name=value` or in a list's `options`.\n"
    )
    for name, reads, options in (*readers(), LABELS, JOIN, TUBES):
        text += f"\n## {name}\nReads {reads}.\n"
        rows = [_option(key, field) for key, field in options.model_fields.items()]
        if rows:
            text += "\n| option | default | meaning |\n|---|---|---|\n" + "\n".join(rows) + "\n"
    return text


def _option(name: str, field: FieldInfo) -> str:
    default = "required" if field.is_required() else f"`{field.default}`"
    return f"| `{name}` | {default} | {field.description or ''} |"


def _errors() -> str:
    return f"# Errors\n\n{_NOTE}```\n{inspect.getdoc(errors)}\n```\n"
