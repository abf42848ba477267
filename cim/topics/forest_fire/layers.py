"""Layers of forest-fire watch: towers and the cameras on them."""

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

_OWNER = "华亭市林业和草原局"
_REAL, _INTEGER = FieldType.REAL, FieldType.INTEGER


def _metres(name: str, title: str, title_en: str, *aliases: str) -> Field:
    return Field(name=name, title=title, title_en=title_en, type=_REAL, unit="m", aliases=aliases)


def _degrees(name: str, title: str, title_en: str, *aliases: str) -> Field:
    return Field(name=name, title=title, title_en=title_en, type=_REAL, unit="deg", aliases=aliases)


_RANGE = Field(
    name="range_km",
    title="瞭望半径",
    title_en="Range",
    type=_REAL,
    unit="km",
    aliases=("瞭望半径", "可视半径"),
)

TOWER = Layer(
    id="forest_fire.tower",
    title="森林防火瞭望塔",
    title_en="Fire watch towers",
    kind=Kind.VECTOR,
    geometry=Geometry.POINT,
    data_class=DataClass.PUBLIC,
    owner=_OWNER,
    cim_level=CimLevel.FRAME,
    fields=(
        Field(name="tower_id", title="塔编号", title_en="Number", required=True, aliases=("编号",)),
        Field(name="name", title="名称", title_en="Name", aliases=("名称",)),
        _metres("ground_elev", "地面高程", "Ground elevation", "地面高程"),
        _metres("height", "塔高", "Height above ground", "塔高"),
        _RANGE,
        Field(
            name="staff",
            title="值守人数",
            title_en="Staff",
            type=_INTEGER,
            unit="{person}",
            aliases=("值守人数",),
        ),
        Field(
            name="built_year",
            title="建成年份",
            title_en="Year built",
            type=_INTEGER,
            unit="a",
            aliases=("built", "建成年份"),
        ),
    ),
    style=Style(
        color="#e6550d",
        width=11.0,
        label_field="name",
        visible=True,
        legend=(LegendItem(color="#e6550d", title="瞭望塔", title_en="Watch tower"),),
    ),
)

CAMERA = Layer(
    id="forest_fire.camera",
    title="林火监控摄像机",
    title_en="Fire watch cameras",
    abstract="方位角自真北顺时针,俯仰角向下为负。",
    kind=Kind.VECTOR,
    geometry=Geometry.POINT,
    data_class=DataClass.IOT,
    owner=_OWNER,
    cim_level=CimLevel.FRAME,
    fields=(
        Field(
            name="camera_id",
            title="摄像机编号",
            title_en="Number",
            required=True,
            aliases=("编号",),
        ),
        Field(name="name", title="名称", title_en="Name", aliases=("名称",)),
        Field(name="tower_id", title="所在塔", title_en="Tower", aliases=("所在塔",)),
        _degrees("azimuth", "方位角", "Azimuth from true north", "方位角"),
        _degrees("pitch", "俯仰角", "Pitch, negative downwards", "俯仰角"),
        _metres("height", "架设高度", "Height above ground", "架设高度", "挂高"),
        _degrees("fov", "水平视场角", "Horizontal field of view", "视场角"),
        _RANGE,
        _metres("ground_elev", "地面高程", "Ground elevation", "地面高程"),
    ),
    style=Style(
        color="#fdae6b",
        width=8.0,
        label_field="name",
        legend=(LegendItem(color="#fdae6b", title="监控摄像机", title_en="Camera"),),
    ),
)

LAYERS: tuple[Layer, ...] = (TOWER, CAMERA)
