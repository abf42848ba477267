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

FUEL = Layer(
    id="forest_fire.fuel",
    title="森林可燃物",
    title_en="Fuel",
    abstract="Anderson (1982) 标准可燃物模型 1–13，0 为不燃。",
    kind=Kind.VECTOR,
    geometry=Geometry.POLYGON,
    data_class=DataClass.RESOURCE,
    owner=_OWNER,
    cim_level=CimLevel.SURFACE,
    fields=(
        Field(name="code", title="可燃物模型", title_en="Fuel model", type=_INTEGER, unit="1",
              required=True, aliases=("可燃物模型", "模型")),
        Field(name="cover", title="植被", title_en="Cover", aliases=("植被", "优势树种")),
    ),
    style=Style(
        color="#558b2f",
        width=1.0,
        field="cover",
        legend=(
            LegendItem(color="#33691e", title="针叶林", title_en="Conifers", value="针叶林"),
            LegendItem(color="#7cb342", title="阔叶林", title_en="Broadleaves", value="阔叶林"),
            LegendItem(color="#9e9d24", title="灌木林", title_en="Shrubs", value="灌木林"),
            LegendItem(color="#dce775", title="草地", title_en="Grass", value="草地"),
            LegendItem(color="#bdbdbd", title="不燃", title_en="Does not burn", value="不燃"),
            LegendItem(color="#558b2f", title="其他", title_en="Other"),
        ),
    ),
)  # fmt: skip

TEAM = Layer(
    id="forest_fire.team",
    title="扑火队伍",
    title_en="Fire crews",
    kind=Kind.VECTOR,
    geometry=Geometry.POINT,
    data_class=DataClass.PUBLIC,
    owner=_OWNER,
    cim_level=CimLevel.FRAME,
    fields=(
        Field(name="team_id", title="队伍编号", title_en="Number", required=True,
              aliases=("编号",)),
        Field(name="name", title="名称", title_en="Name", aliases=("名称",)),
        Field(name="people", title="人数", title_en="People", type=_INTEGER, unit="{person}",
              aliases=("人数",)),
        Field(name="vehicles", title="车辆数", title_en="Vehicles", type=_INTEGER, unit="1",
              aliases=("车辆",)),
        Field(name="phone", title="电话", title_en="Telephone", aliases=("电话",)),
    ),
    style=Style(
        color="#c62828",
        width=10.0,
        label_field="name",
        legend=(LegendItem(color="#c62828", title="扑火队伍", title_en="Fire crew"),),
    ),
)  # fmt: skip

WATER_POINT = Layer(
    id="forest_fire.water_point",
    title="消防取水点",
    title_en="Places to take water",
    kind=Kind.VECTOR,
    geometry=Geometry.POINT,
    data_class=DataClass.PUBLIC,
    owner=_OWNER,
    cim_level=CimLevel.FRAME,
    fields=(
        Field(name="water_id", title="编号", title_en="Number", required=True, aliases=("编号",)),
        Field(name="name", title="名称", title_en="Name", aliases=("名称",)),
        Field(name="volume", title="水量", title_en="Volume", type=_REAL, unit="m3",
              aliases=("水量",)),
    ),
    style=Style(
        color="#0288d1",
        width=9.0,
        label_field="name",
        legend=(LegendItem(color="#0288d1", title="取水点", title_en="Water"),),
    ),
)  # fmt: skip

WEATHER = Layer(
    id="forest_fire.weather",
    title="林区气象（逐日正午）",
    title_en="Weather at noon",
    abstract="每站每日一行：气温、相对湿度、10 米风速、前 24 小时雨量。",
    kind=Kind.VECTOR,
    geometry=Geometry.POINT,
    data_class=DataClass.IOT,
    owner="华亭市气象局",
    cim_level=CimLevel.FRAME,
    fields=(
        Field(name="station", title="气象站", title_en="Station", required=True,
              aliases=("站名",)),
        Field(name="day", title="日期", title_en="Day", type=FieldType.DATE, required=True,
              aliases=("日期",)),
        Field(name="temperature", title="气温", title_en="Temperature", type=_REAL, unit="Cel",
              aliases=("气温",)),
        Field(name="humidity", title="相对湿度", title_en="Humidity", type=_REAL, unit="%",
              aliases=("湿度", "相对湿度")),
        Field(name="wind", title="风速", title_en="Wind", type=_REAL, unit="km/h",
              aliases=("风速",)),
        Field(name="rain", title="雨量", title_en="Rain", type=_REAL, unit="mm",
              aliases=("雨量",)),
    ),
    style=Style(
        color="#6d4c41",
        width=8.0,
        label_field="station",
        legend=(LegendItem(color="#6d4c41", title="气象站", title_en="Weather station"),),
    ),
)  # fmt: skip

LAYERS: tuple[Layer, ...] = (TOWER, CAMERA, FUEL, TEAM, WATER_POINT, WEATHER)
