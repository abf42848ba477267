"""Layers of what feeds the water mains and of who drinks from them."""

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


def _number(name: str, title: str, title_en: str, unit: str, *aliases: str) -> Field:
    return Field(
        name=name, title=title, title_en=title_en, type=FieldType.REAL, unit=unit,
        aliases=aliases or (title,),
    )  # fmt: skip


def _layer(
    noun: str, title: str, title_en: str, abstract: str, fields: tuple[Field, ...], style: Style
) -> Layer:
    return Layer(
        id=f"pipelines.{noun}", title=title, title_en=title_en, abstract=abstract,
        kind=Kind.VECTOR, geometry=Geometry.POINT, data_class=DataClass.PUBLIC,
        owner="华亭供水公司", sensitivity=Sensitivity.IMPORTANT, cim_level=CimLevel.FINE,
        fields=fields, style=style,
    )  # fmt: skip


SUPPLY: tuple[Layer, ...] = (
    _layer(
        "water_source", "供水水源", "Water sources",
        "水厂、水池水塔与加压泵站，及其接入点与水位。",
        (
            Field(name="source_no", title="水源编号", title_en="Source number", required=True,
                  aliases=("水源编号", "编号")),
            Field(name="name", title="名称", title_en="Name", aliases=("名称",)),
            Field(name="source_kind", title="类型",
                  title_en="Kind: 水厂, 水库 (fixed level), 高位水池 (tank), 加压泵站 (pump)",
                  required=True, aliases=("类型", "水源类型")),
            Field(name="point_no", title="接入点号", title_en="Point of the network it feeds",
                  aliases=("接入点号", "点号")),
            _number("head", "水位高程（1985；泵站为吸水侧）",
                    "Level of the water (1985; of a pump, on its suction side)", "m", "水位高程"),
            _number("bottom_elev", "池底高程", "Elevation of the tank's bottom", "m"),
            _number("min_level", "最低水深", "Lowest water above the bottom", "m"),
            _number("max_level", "最高水深", "Highest water above the bottom", "m"),
            _number("diameter", "池内径", "Inner diameter of the tank", "m"),
            _number("pump_flow", "水泵额定流量", "Flow of the pump at its design point", "m3/h",
                    "额定流量"),
            _number("pump_lift", "水泵额定扬程", "Lift of the pump at its design point", "m",
                    "额定扬程"),
        ),
        Style(color="#1565c0", width=12.0, label_field="name",
              legend=(LegendItem(color="#1565c0", title="供水水源", title_en="Water sources"),)),
    ),
    _layer(
        "water_user", "用水户", "Water users",
        "小区、单位与重点用户，及其接入管段、用水量与人口。",
        (
            Field(name="user_no", title="户号", title_en="User number", required=True,
                  aliases=("户号", "用户编号")),
            Field(name="name", title="名称", title_en="Name", aliases=("名称", "用户名称")),
            Field(name="use", title="用水性质", title_en="Use", aliases=("用水性质", "用途")),
            _number("demand", "日均用水量", "Mean demand", "m3/d", "日均用水量", "用水量"),
            Field(name="people", title="用水人口", title_en="People", type=FieldType.INTEGER,
                  aliases=("用水人口", "人口")),
            Field(name="critical", title="重点用户类别",
                  title_en="Why it must not run dry: hospital, school, ...",
                  aliases=("重点用户", "重点用户类别")),
            Field(name="seg_id", title="接入管段", title_en="Segment it is connected to",
                  aliases=("接入管段",)),
        ),
        Style(color="#26a69a", width=7.0, field="critical", label_field="name",
              legend=(
                  LegendItem(color="#e53935", title="医院", title_en="Hospital", value="医院"),
                  LegendItem(color="#8e24aa", title="学校", title_en="School", value="学校"),
                  LegendItem(color="#f4511e", title="消防站", title_en="Fire station",
                             value="消防站"),
                  LegendItem(color="#26a69a", title="用水户", title_en="Water users"),
              )),
    ),
)  # fmt: skip
