"""Layers of geological hazards."""

from __future__ import annotations

from cim.layers import (
    CimLevel,
    DataClass,
    Field,
    FieldType,
    Geometry,
    Kind,
    Layer,
    LegendItem,
    Style,
)

_REAL, _INTEGER = FieldType.REAL, FieldType.INTEGER

HAZARD_POINT = Layer(
    id="geohazards.hazard_point",
    title="地质灾害隐患点",
    title_en="Geological hazard sites",
    kind=Kind.VECTOR,
    geometry=Geometry.POINT,
    data_class=DataClass.RESOURCE,
    owner="华亭市自然资源局",
    cim_level=CimLevel.FRAME,
    fields=(
        Field(
            name="hazard_id",
            title="隐患点编号",
            title_en="Number",
            required=True,
            aliases=("haz_id", "编号", "统一编号"),
        ),
        Field(name="name", title="名称", title_en="Name", aliases=("名称",)),
        Field(
            name="hazard_type",
            title="灾害类型",
            title_en="Type",
            required=True,
            aliases=("type", "类型", "灾害类型"),
        ),
        Field(name="scale", title="规模等级", title_en="Scale", aliases=("规模", "规模等级")),
        Field(
            name="volume",
            title="体积",
            title_en="Volume",
            type=_REAL,
            unit="10*4.m3",
            aliases=("volume_1e4", "体积", "体积(万方)"),
        ),
        Field(
            name="households",
            title="威胁户数",
            title_en="Households threatened",
            type=_INTEGER,
            unit="{household}",
            aliases=("威胁户数",),
        ),
        Field(
            name="people",
            title="威胁人数",
            title_en="People threatened",
            type=_INTEGER,
            unit="{person}",
            aliases=("威胁人数",),
        ),
        Field(name="stability", title="稳定性", title_en="Stability", aliases=("稳定性",)),
        Field(name="risk", title="险情等级", title_en="Risk grade", aliases=("险情等级",)),
        Field(name="monitor", title="监测方式", title_en="Monitoring", aliases=("监测方式",)),
        Field(
            name="ground_elev",
            title="地面高程",
            title_en="Ground elevation",
            type=_REAL,
            unit="m",
            aliases=("地面高程",),
        ),
    ),
    style=Style(
        color="#9c6b3f",
        width=9.0,
        field="hazard_type",
        label_field="name",
        legend=(
            LegendItem(color="#d95f02", title="滑坡", title_en="Landslide", value="滑坡"),
            LegendItem(color="#a6342d", title="崩塌", title_en="Rockfall", value="崩塌"),
            LegendItem(color="#8c6d31", title="泥石流", title_en="Debris flow", value="泥石流"),
            LegendItem(color="#9c6b3f", title="其他", title_en="Other"),
        ),
    ),
)

LAYERS: tuple[Layer, ...] = (HAZARD_POINT,)
