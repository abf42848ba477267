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

_OWNER = "华亭市自然资源局"
_REAL, _INTEGER = FieldType.REAL, FieldType.INTEGER

HAZARD_POINT = Layer(
    id="geohazards.hazard_point",
    title="地质灾害隐患点",
    title_en="Geological hazard sites",
    kind=Kind.VECTOR,
    geometry=Geometry.POINT,
    data_class=DataClass.RESOURCE,
    owner=_OWNER,
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

LANDSLIDE = Layer(
    id="geohazards.landslide",
    title="滑坡编目",
    title_en="Mapped landslides",
    abstract="已发生滑坡的范围，用于易发性评价。",
    kind=Kind.VECTOR,
    geometry=Geometry.POLYGON,
    data_class=DataClass.RESOURCE,
    owner=_OWNER,
    cim_level=CimLevel.FRAME,
    fields=(
        Field(name="slide_id", title="编号", title_en="Number", required=True, aliases=("编号",)),
        Field(name="kind", title="类型", title_en="Type", aliases=("类型",)),
        Field(
            name="happened",
            title="发生日期",
            title_en="Day",
            type=FieldType.DATE,
            aliases=("发生日期", "时间"),
        ),
    ),
    style=Style(
        color="#b5651d",
        width=2.0,
        legend=(LegendItem(color="#b5651d", title="滑坡", title_en="Landslide"),),
    ),
)

RAIN = Layer(
    id="geohazards.rain",
    title="雨量站日雨量",
    title_en="Daily rain of gauges",
    abstract="每站每日一行；缺测的日子没有行。",
    kind=Kind.VECTOR,
    geometry=Geometry.POINT,
    data_class=DataClass.IOT,
    owner="华亭市气象局",
    cim_level=CimLevel.FRAME,
    fields=(
        Field(
            name="gauge", title="雨量站", title_en="Gauge", required=True, aliases=("站名", "站号")
        ),
        Field(
            name="day",
            title="日期",
            title_en="Day",
            type=FieldType.DATE,
            required=True,
            aliases=("日期",),
        ),
        Field(
            name="millimetres",
            title="日雨量",
            title_en="Rain of the day",
            type=_REAL,
            unit="mm",
            aliases=("雨量", "日雨量"),
        ),
    ),
    style=Style(
        color="#1e88e5",
        width=8.0,
        label_field="gauge",
        legend=(LegendItem(color="#1e88e5", title="雨量站", title_en="Rain gauge"),),
    ),
)

DISPLACEMENT = Layer(
    id="geohazards.displacement",
    title="位移监测",
    title_en="Displacement of monitored points",
    abstract="每点每日一行，累计位移；沿滑动方向为正。",
    kind=Kind.VECTOR,
    geometry=Geometry.POINT,
    data_class=DataClass.IOT,
    owner=_OWNER,
    cim_level=CimLevel.FINE,
    fields=(
        Field(
            name="point",
            title="监测点",
            title_en="Point",
            required=True,
            aliases=("监测点", "点号"),
        ),
        Field(
            name="day",
            title="日期",
            title_en="Day",
            type=FieldType.DATE,
            required=True,
            aliases=("日期",),
        ),
        Field(
            name="millimetres",
            title="累计位移",
            title_en="Cumulative displacement",
            type=_REAL,
            unit="mm",
            aliases=("位移", "累计位移"),
        ),
    ),
    style=Style(
        color="#8e24aa",
        width=9.0,
        label_field="point",
        legend=(LegendItem(color="#8e24aa", title="监测点", title_en="Monitored point"),),
    ),
)

LAYERS: tuple[Layer, ...] = (HAZARD_POINT, LANDSLIDE, RAIN, DISPLACEMENT)
