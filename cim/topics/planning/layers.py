"""Layers of planning: control lines, parcels of the detailed plan, land use, schemes."""

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

_OWNER = "华亭市自然资源局"
_REAL, _INTEGER = FieldType.REAL, FieldType.INTEGER

FARMLAND, RED_LINE, BOUNDARY = "永久基本农田", "生态保护红线", "城镇开发边界"


def _number(name: str, title: str, title_en: str, unit: str, *aliases: str) -> Field:
    return Field(name=name, title=title, title_en=title_en, type=_REAL, unit=unit, aliases=aliases)


CONTROL_LINE = Layer(
    id="planning.control_line",
    title="三区三线",
    title_en="Three control lines",
    abstract="永久基本农田、生态保护红线、城镇开发边界，三者不交叉不重叠。",
    kind=Kind.VECTOR,
    geometry=Geometry.POLYGON,
    data_class=DataClass.PLANNING,
    owner=_OWNER,
    sensitivity=Sensitivity.IMPORTANT,
    cim_level=CimLevel.FRAME,
    fields=(
        Field(name="line_id", title="编号", title_en="Number", required=True, aliases=("编号",)),
        Field(name="kind", title="控制线类型", title_en="Kind", required=True,
              aliases=("类型", "控制线类型")),
        Field(name="edition", title="版本", title_en="Edition", aliases=("版本", "划定版本")),
        Field(name="name", title="名称", title_en="Name", aliases=("名称",)),
    ),
    style=Style(
        color="#8d6e63",
        width=2.0,
        field="kind",
        label_field="name",
        legend=(
            LegendItem(color="#f9a825", title=FARMLAND, title_en="Permanent farmland",
                       value=FARMLAND),
            LegendItem(color="#2e7d32", title=RED_LINE, title_en="Ecological red line",
                       value=RED_LINE),
            LegendItem(color="#d81b60", title=BOUNDARY, title_en="Urban boundary",
                       value=BOUNDARY),
            LegendItem(color="#8d6e63", title="其他", title_en="Other"),
        ),
    ),
)  # fmt: skip

PARCEL = Layer(
    id="planning.parcel",
    title="控规地块",
    title_en="Parcels of the detailed plan",
    kind=Kind.VECTOR,
    geometry=Geometry.POLYGON,
    data_class=DataClass.PLANNING,
    owner=_OWNER,
    cim_level=CimLevel.FRAME,
    fields=(
        Field(name="parcel_id", title="地块编号", title_en="Parcel", required=True,
              aliases=("地块编号", "编号")),
        Field(name="use_code", title="用地代码", title_en="Use code", aliases=("用地代码",)),
        Field(name="use_name", title="用地性质", title_en="Use", aliases=("用地性质",)),
        _number("far_max", "容积率上限", "FAR at most", "1", "容积率"),
        _number("density_max", "建筑密度上限", "Density at most", "%", "建筑密度"),
        _number("height_max", "建筑限高", "Height at most", "m", "限高"),
        _number("green_min", "绿地率下限", "Green share at least", "%", "绿地率"),
    ),
    style=Style(
        color="#ab47bc",
        width=2.0,
        label_field="parcel_id",
        legend=(LegendItem(color="#ab47bc", title="控规地块", title_en="Parcel"),),
    ),
)  # fmt: skip

LAND_USE_PAST = Layer(
    id="planning.land_use_past",
    title="往年土地利用",
    title_en="Land use of an earlier date",
    abstract="与土地利用现状对比，计算变化矩阵。",
    kind=Kind.VECTOR,
    geometry=Geometry.POLYGON,
    data_class=DataClass.RESOURCE,
    owner=_OWNER,
    cim_level=CimLevel.FRAME,
    fields=(
        Field(name="code", title="地类编码", title_en="Class code", aliases=("dlbm", "地类编码")),
        Field(name="class_name", title="地类名称", title_en="Class", required=True,
              aliases=("dlmc", "地类名称")),
    ),
    style=Style(
        color="#9e9d24",
        width=1.0,
        legend=(LegendItem(color="#9e9d24", title="往年土地利用", title_en="Earlier land use"),),
    ),
)  # fmt: skip

SCHEME = Layer(
    id="planning.scheme",
    title="建筑方案体块",
    title_en="Massing of schemes",
    abstract="每行一个体块；同一地块的多个方案以方案名区分。",
    kind=Kind.VECTOR,
    geometry=Geometry.POLYGON,
    data_class=DataClass.PROJECT,
    owner=_OWNER,
    cim_level=CimLevel.STANDARD,
    fields=(
        Field(name="block_id", title="体块编号", title_en="Block", required=True,
              aliases=("体块编号", "编号")),
        Field(name="scheme", title="方案", title_en="Scheme", required=True, aliases=("方案",)),
        Field(name="parcel_id", title="地块编号", title_en="Parcel", required=True,
              aliases=("地块编号",)),
        Field(name="use", title="用途", title_en="Use", aliases=("用途",)),
        Field(name="floors", title="层数", title_en="Floors", type=_INTEGER, unit="1",
              aliases=("层数",)),
        _number("height", "建筑高度", "Height", "m", "高度", "建筑高度"),
        _number("ground_elev", "地面高程", "Ground elevation", "m", "地面高程"),
    ),
    style=Style(
        color="#26c6da",
        width=2.0,
        height_field="height",
        label_field="block_id",
        legend=(LegendItem(color="#26c6da", title="方案体块", title_en="Massing"),),
    ),
)  # fmt: skip

LAYERS: tuple[Layer, ...] = (CONTROL_LINE, PARCEL, LAND_USE_PAST, SCHEME)
