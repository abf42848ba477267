"""Layers of the other networks below a street, which clearances must know, and the tubes of all."""

from __future__ import annotations

from dataclasses import replace

from cim.layers import (
    CimLevel,
    DataClass,
    Field,
    FieldType,
    Kind,
    Layer,
    LegendItem,
    Sensitivity,
    Style,
)
from cim.topics.pipelines.layers import LAYERS, SEGMENT_FIELDS

_BANK = (
    Field(name="voltage", title="电压", title_en="Voltage", type=FieldType.REAL, unit="kV",
          aliases=("电压", "电压值", "电压等级")),
    Field(name="width", title="断面宽", title_en="Width of the duct bank", type=FieldType.REAL,
          unit="mm", aliases=("断面宽", "宽度")),
    Field(name="height", title="断面高", title_en="Height of the duct bank", type=FieldType.REAL,
          unit="mm", aliases=("断面高", "高度")),
    Field(name="holes", title="总孔数", title_en="Ducts", type=FieldType.INTEGER,
          aliases=("孔数", "总孔数")),
)  # fmt: skip
_MODEL = next(layer for layer in LAYERS if layer.id == "pipelines.sewage_pipe")


def _network(
    noun: str, title: str, title_en: str, color: str, owner: str, *extra: Field
) -> Layer:  # fmt: skip
    """A layer of segments like the sewers', in the colour of CJJ 61 annex B."""
    return replace(
        _MODEL, id=f"pipelines.{noun}", title=title, title_en=title_en, owner=owner,
        fields=(*SEGMENT_FIELDS, *extra),
        style=replace(_MODEL.style, color=color,
                      legend=(LegendItem(color=color, title=title, title_en=title_en),)),
    )  # fmt: skip


TUBE = Layer(
    id="pipelines.pipe_tube",
    title="管线三维模型",
    title_en="Pipes in 3D",
    abstract="由管线图层按外径与高程生成的三维管段与检查井。",
    kind=Kind.MESH,
    data_class=DataClass.PUBLIC,
    owner="华亭市住房和城乡建设局",
    sensitivity=Sensitivity.IMPORTANT,
    cim_level=CimLevel.FINE,
    style=Style(below=True),
)

LAYING: tuple[Layer, ...] = (
    _network("rain_pipe", "雨水管线", "Storm drains", "#6b5947", "华亭市住房和城乡建设局"),
    _network("heat_pipe", "热力管线", "Heat mains", "#ff8000", "华亭供热公司"),
    _network("power_cable", "电力管线", "Power cables", "#ff0000", "国网华亭市供电公司", *_BANK),
    _network("telecom_cable", "通信管线", "Telecom cables", "#00ff00", "通信运营企业", *_BANK),
    TUBE,
)
