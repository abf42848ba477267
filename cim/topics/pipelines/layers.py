"""Layers of the pipe networks: fields after CJJ 61-2017, colours after its annex B."""

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
    Sensitivity,
    Style,
)
from cim.topics.pipelines.supply_layers import SUPPLY

_REAL, _INTEGER = FieldType.REAL, FieldType.INTEGER

SEGMENT_FIELDS = (
    Field(name="seg_id", title="管段编号", title_en="Segment number", aliases=("管段编号",)),
    Field(
        name="from_no",
        title="起点点号",
        title_en="Start point",
        required=True,
        aliases=("起点点号", "起点"),
    ),
    Field(
        name="to_no",
        title="止点点号",
        title_en="End point",
        required=True,
        aliases=("止点点号", "终点点号", "终点"),
    ),
    Field(
        name="start_depth",
        title="起点埋深",
        title_en="Depth at start",
        type=_REAL,
        unit="m",
        aliases=("start_dep", "起点埋深"),
    ),
    Field(
        name="end_depth",
        title="止点埋深",
        title_en="Depth at end",
        type=_REAL,
        unit="m",
        aliases=("end_dep", "止点埋深", "终点埋深"),
    ),
    Field(
        name="start_elev",
        title="起点高程",
        title_en="Elevation at start",
        type=_REAL,
        unit="m",
        aliases=("起点高程",),
    ),
    Field(
        name="end_elev",
        title="止点高程",
        title_en="Elevation at end",
        type=_REAL,
        unit="m",
        aliases=("止点高程", "终点高程"),
    ),
    Field(
        name="elev_ref",
        title="高程部位",
        title_en="What the elevation is of: top, invert or centre",
        required=True,
        aliases=("高程部位", "高程类型"),
    ),
    Field(
        name="dn",
        title="管径",
        title_en="Nominal diameter",
        type=_INTEGER,
        unit="mm",
        required=True,
        aliases=("管径", "规格"),
    ),
    Field(name="material", title="材质", title_en="Material", aliases=("材质", "管材")),
    Field(
        name="pressure_class",
        title="压力等级",
        title_en="Pressure class",
        aliases=("pressure", "压力", "压力等级"),
    ),
    Field(name="embedding", title="埋设方式", title_en="Laying", aliases=("embed", "埋设方式")),
    Field(
        name="flow_dir",
        title="流向",
        title_en="Flow: 1 from start to end, -1 against, 0 both",
        type=_INTEGER,
        aliases=("流向",),
    ),
    Field(
        name="built_year",
        title="建设年代",
        title_en="Year built",
        type=_INTEGER,
        unit="a",
        aliases=("built", "建设年代", "埋设年代"),
    ),
    Field(name="owner", title="权属单位", title_en="Owner", aliases=("权属", "权属单位")),
    Field(name="status", title="使用状况", title_en="Status", aliases=("状态", "使用状况")),
)

POINT_FIELDS = (
    Field(
        name="point_no",
        title="点号",
        title_en="Point number",
        required=True,
        aliases=("点号", "物探点号"),
    ),
    Field(name="kind", title="管线种类", title_en="Network code", aliases=("管类", "管线种类")),
    Field(name="feature", title="特征", title_en="Feature", aliases=("特征", "特征点")),
    Field(
        name="appurtenance",
        title="附属物",
        title_en="Appurtenance",
        aliases=("appurt", "附属物", "附属物名称"),
    ),
    Field(
        name="ground_elev",
        title="地面高程",
        title_en="Ground elevation",
        type=_REAL,
        unit="m",
        aliases=("地面高程",),
    ),
    Field(
        name="well_depth",
        title="井深",
        title_en="Depth of the chamber",
        type=_REAL,
        unit="m",
        aliases=("井深", "井底深"),
    ),
    Field(name="owner", title="权属单位", title_en="Owner", aliases=("权属", "权属单位")),
)


def _pipe(noun: str, title: str, title_en: str, color: str, owner: str) -> Layer:
    return Layer(
        id=f"pipelines.{noun}",
        title=title,
        title_en=title_en,
        kind=Kind.VECTOR,
        geometry=Geometry.LINE,
        data_class=DataClass.PUBLIC,
        owner=owner,
        sensitivity=Sensitivity.IMPORTANT,
        cim_level=CimLevel.FINE,
        fields=SEGMENT_FIELDS,
        style=Style(
            color=color,
            width=4.0,
            label_field="seg_id",
            legend=(LegendItem(color=color, title=title, title_en=title_en),),
        ),
    )


def _device(
    noun: str, title: str, title_en: str, color: str, owner: str, *, extra: tuple[Field, ...]
) -> Layer:
    return Layer(
        id=f"pipelines.{noun}",
        title=title,
        title_en=title_en,
        kind=Kind.VECTOR,
        geometry=Geometry.POINT,
        data_class=DataClass.PUBLIC,
        owner=owner,
        sensitivity=Sensitivity.IMPORTANT,
        cim_level=CimLevel.FINE,
        fields=POINT_FIELDS + extra,
        style=Style(
            color=color,
            width=7.0,
            label_field="point_no",
            legend=(LegendItem(color=color, title=title, title_en=title_en),),
        ),
    )


_DN = Field(
    name="dn",
    title="管径",
    title_en="Nominal diameter",
    type=_INTEGER,
    unit="mm",
    aliases=("管径",),
)

_SEGMENT = Field(
    name="seg_id",
    title="所在管段",
    title_en="Segment it stands on, or is connected to",
    aliases=("所在管段", "接入管段"),
)

LAYERS: tuple[Layer, ...] = (
    _pipe("water_pipe", "给水管线", "Water mains", "#00ffff", "华亭供水公司"),
    _pipe("sewage_pipe", "污水管线", "Sewers", "#4c3926", "华亭市住房和城乡建设局"),
    _pipe("gas_pipe", "燃气管线", "Gas mains", "#ff00ff", "华亭燃气公司"),
    _device(
        "manhole",
        "检查井",
        "Manholes",
        "#6b5236",
        "华亭市住房和城乡建设局",
        extra=(
            Field(name="cover", title="井盖材质", title_en="Cover", aliases=("井盖", "井盖材质")),
            Field(name="size", title="井规格", title_en="Size", aliases=("规格", "井规格")),
        ),
    ),
    _device(
        "valve",
        "阀门",
        "Valves",
        "#ff7f0e",
        "华亭供水公司",
        extra=(
            _DN,
            Field(name="operable", title="可否启闭", title_en="Operable", aliases=("可操作",)),
            Field(name="state", title="启闭状态", title_en="State", aliases=("开关状态",)),
            _SEGMENT,
        ),
    ),
    _device(
        "hydrant",
        "消火栓",
        "Hydrants",
        "#e0312e",
        "华亭市消防救援大队",
        extra=(
            _DN,
            Field(name="form", title="型式", title_en="Form", aliases=("型式",)),
            Field(
                name="pressure",
                title="出水压力",
                title_en="Pressure",
                type=_REAL,
                unit="MPa",
                aliases=("压力",),
            ),
        ),
    ),
    *SUPPLY,
)
