"""Layers of the city's base: mesh, imagery, terrain and the basic vectors."""

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

_SURVEY = "华亭市自然资源局"

OBLIQUE = Layer(
    id="base.oblique",
    title="倾斜摄影三维模型",
    title_en="Oblique photography mesh",
    abstract="倾斜航空摄影生产的实景三维模型,带纹理的多细节层次三角网。",
    kind=Kind.MESH,
    owner=_SURVEY,
    cim_level=CimLevel.STANDARD,
    style=Style(visible=True),
)

BUILDING_MODEL = Layer(
    id="base.building_model",
    title="建筑白模",
    title_en="Building models",
    abstract="由建筑轮廓拉伸或 CityJSON 导入的单体建筑三维模型,带属性。",
    kind=Kind.MESH,
    owner=_SURVEY,
    cim_level=CimLevel.FRAME,
)

POINT_CLOUD = Layer(
    id="base.point_cloud",
    title="激光点云",
    title_en="Point cloud",
    abstract="机载激光雷达或影像匹配点云,带类别、强度与颜色。",
    kind=Kind.POINTS,
    owner=_SURVEY,
    cim_level=CimLevel.STANDARD,
)

ORTHO = Layer(
    id="base.ortho",
    title="正射影像",
    title_en="Orthophoto",
    abstract="真正射影像。",
    kind=Kind.IMAGERY,
    owner=_SURVEY,
    cim_level=CimLevel.SURFACE,
    style=Style(visible=True),
)

SATELLITE = Layer(
    id="base.satellite",
    title="8 米卫星影像",
    title_en="Satellite image, 8 m",
    abstract="覆盖全域的卫星影像,地面分辨率 8 米,铺在正射影像之下。",
    kind=Kind.IMAGERY,
    owner=_SURVEY,
    cim_level=CimLevel.SURFACE,
    style=Style(visible=True),
)

DEM = Layer(
    id="base.dem",
    title="15 米数字高程模型",
    title_en="Digital elevation model, 15 m",
    abstract="裸地高程,格网间距 15 米,1985 国家高程基准。",
    kind=Kind.TERRAIN,
    owner=_SURVEY,
    cim_level=CimLevel.SURFACE,
    style=Style(visible=True),
)

BUILDING = Layer(
    id="base.building",
    title="建筑物",
    title_en="Buildings",
    abstract="建筑物基底面,带层数、高度与用途;由模型单体化底面而来。",
    kind=Kind.VECTOR,
    geometry=Geometry.POLYGON,
    owner=_SURVEY,
    cim_level=CimLevel.STANDARD,
    fields=(
        Field(name="building_id", title="建筑编号", title_en="Building number", aliases=("编号",)),
        Field(name="name", title="名称", title_en="Name", aliases=("名称",)),
        Field(name="use", title="用途", title_en="Use", required=True, aliases=("用途",)),
        Field(
            name="floors",
            title="地上层数",
            title_en="Storeys above ground",
            type=FieldType.INTEGER,
            required=True,
            aliases=("层数", "地上层数", "floor"),
        ),
        Field(
            name="height",
            title="建筑高度",
            title_en="Height",
            type=FieldType.REAL,
            unit="m",
            required=True,
            aliases=("建筑高度", "高度"),
        ),
        Field(
            name="ground_elev",
            title="地面高程",
            title_en="Ground elevation",
            type=FieldType.REAL,
            unit="m",
            aliases=("地面高程",),
        ),
        Field(name="structure", title="结构", title_en="Structure", aliases=("结构", "结构类型")),
        Field(
            name="built_year",
            title="建成年份",
            title_en="Year built",
            type=FieldType.INTEGER,
            unit="a",
            aliases=("年份", "建成年份"),
        ),
    ),
    style=Style(
        color="#c9bfae",
        opacity=0.85,
        width=1.0,
        field="use",
        height_field="height",
        label_field="name",
        legend=(
            LegendItem(color="#e3c770", title="住宅", title_en="Residential", value="住宅"),
            LegendItem(color="#d9775f", title="商业", title_en="Commercial", value="商业"),
            LegendItem(color="#8f86b8", title="办公", title_en="Office", value="办公"),
            LegendItem(color="#e59bb5", title="教育", title_en="Education", value="教育"),
            LegendItem(color="#7fb8b0", title="医疗", title_en="Health", value="医疗"),
            LegendItem(color="#9aa7b5", title="工业", title_en="Industry", value="工业"),
            LegendItem(color="#6f93c4", title="市政", title_en="Utilities", value="市政"),
            LegendItem(color="#c8473c", title="消防", title_en="Fire service", value="消防"),
            LegendItem(color="#cdbfa6", title="附属用房", title_en="Outbuilding", value="附属用房"),
            LegendItem(color="#8c8c8c", title="构筑物", title_en="Structure", value="构筑物"),
            LegendItem(color="#c9bfae", title="其他", title_en="Other"),
        ),
    ),
)

ROAD = Layer(
    id="base.road",
    title="道路中心线",
    title_en="Road centre lines",
    kind=Kind.VECTOR,
    geometry=Geometry.LINE,
    owner=_SURVEY,
    cim_level=CimLevel.FRAME,
    fields=(
        Field(name="road_id", title="道路编号", title_en="Road number", aliases=("编号",)),
        Field(name="name", title="道路名称", title_en="Name", aliases=("名称", "路名")),
        Field(name="grade", title="道路等级", title_en="Grade", aliases=("等级", "道路等级")),
        Field(
            name="width",
            title="车行道宽度",
            title_en="Carriageway width",
            type=FieldType.REAL,
            unit="m",
            aliases=("宽度", "路宽"),
        ),
        Field(
            name="lanes",
            title="车道数",
            title_en="Lanes",
            type=FieldType.INTEGER,
            aliases=("车道数",),
        ),
        Field(name="surface", title="路面材料", title_en="Surface", aliases=("路面", "路面材料")),
    ),
    style=Style(
        color="#f2e3b3",
        width=2.0,
        field="grade",
        label_field="name",
        legend=(
            LegendItem(color="#f0b94f", title="主干路", title_en="Arterial", value="主干路"),
            LegendItem(color="#f5d68a", title="次干路", title_en="Collector", value="次干路"),
            LegendItem(color="#fbf1d0", title="支路", title_en="Local", value="支路"),
            LegendItem(color="#d8d2c4", title="村道", title_en="Village", value="村道"),
        ),
    ),
)

WATER = Layer(
    id="base.water",
    title="水系",
    title_en="Water bodies",
    kind=Kind.VECTOR,
    geometry=Geometry.POLYGON,
    owner="华亭市水务局",
    cim_level=CimLevel.FRAME,
    fields=(
        Field(name="water_id", title="水体编号", title_en="Number", aliases=("编号",)),
        Field(name="name", title="名称", title_en="Name", aliases=("名称",)),
        Field(name="water_class", title="类别", title_en="Class", aliases=("class", "类别")),
        Field(
            name="level",
            title="常水位",
            title_en="Ordinary water level",
            type=FieldType.REAL,
            unit="m",
            aliases=("水位", "常水位"),
        ),
    ),
    style=Style(
        color="#5b9bd5",
        opacity=0.6,
        width=1.0,
        field="water_class",
        label_field="name",
        legend=(
            LegendItem(color="#5b9bd5", title="河流", title_en="River", value="河流"),
            LegendItem(color="#7fc4dd", title="坑塘", title_en="Pond", value="坑塘"),
        ),
    ),
)

LAND_USE = Layer(
    id="base.land_use",
    title="土地利用现状",
    title_en="Land use",
    abstract="按 GB/T 21010-2017 二级类。",
    kind=Kind.VECTOR,
    geometry=Geometry.POLYGON,
    data_class=DataClass.RESOURCE,
    owner=_SURVEY,
    cim_level=CimLevel.SURFACE,
    fields=(
        Field(name="code", title="地类编码", title_en="Class code", aliases=("dlbm", "地类编码")),
        Field(
            name="class_name",
            title="地类名称",
            title_en="Class",
            required=True,
            aliases=("dlmc", "地类名称"),
        ),
        Field(
            name="area",
            title="面积",
            title_en="Area as delivered (plane)",
            type=FieldType.REAL,
            unit="m2",
            aliases=("area_m2", "面积"),
        ),
    ),
    style=Style(
        color="#bdb76b",
        opacity=0.55,
        width=1.0,
        field="class_name",
        label_field="class_name",
        legend=(
            LegendItem(
                color="#f4d35e",
                title="城镇住宅用地",
                title_en="Urban residential",
                value="城镇住宅用地",
            ),
            LegendItem(
                color="#e9c98f", title="农村宅基地", title_en="Rural homestead", value="农村宅基地"
            ),
            LegendItem(
                color="#e4572e", title="零售商业用地", title_en="Retail", value="零售商业用地"
            ),
            LegendItem(color="#f08cae", title="教育用地", title_en="Education", value="教育用地"),
            LegendItem(
                color="#b07aa1", title="机关团体用地", title_en="Government", value="机关团体用地"
            ),
            LegendItem(
                color="#6ec5b8", title="医疗卫生用地", title_en="Health", value="医疗卫生用地"
            ),
            LegendItem(
                color="#5a82b5", title="公用设施用地", title_en="Utilities", value="公用设施用地"
            ),
            LegendItem(color="#a68a64", title="工业用地", title_en="Industry", value="工业用地"),
            LegendItem(color="#59a14f", title="公园与绿地", title_en="Parks", value="公园与绿地"),
            LegendItem(color="#d6d58e", title="旱地", title_en="Dry cropland", value="旱地"),
            LegendItem(color="#4e9bd3", title="河流水面", title_en="River", value="河流水面"),
        ),
    ),
)

ADMIN_AREA = Layer(
    id="base.admin_area",
    title="行政区划",
    title_en="Administrative areas",
    kind=Kind.VECTOR,
    geometry=Geometry.POLYGON,
    owner="华亭市民政局",
    cim_level=CimLevel.SURFACE,
    fields=(
        Field(name="code", title="区划代码", title_en="Code", aliases=("区划代码", "代码")),
        Field(name="name", title="名称", title_en="Name", required=True, aliases=("名称",)),
        Field(name="level", title="级别", title_en="Level", aliases=("级别",)),
        Field(
            name="population",
            title="人口",
            title_en="Population",
            type=FieldType.INTEGER,
            unit="{person}",
            aliases=("人口",),
        ),
    ),
    style=Style(
        color="#c77dba",
        opacity=0.25,
        width=2.0,
        field="level",
        label_field="name",
        legend=(
            LegendItem(color="#8e5ea2", title="乡镇", title_en="Township", value="乡镇"),
            LegendItem(color="#d29bc8", title="村(社区)", title_en="Community", value="村（社区）"),
        ),
    ),
)

FACILITY = Layer(
    id="base.facility",
    title="公共服务设施",
    title_en="Public facilities",
    kind=Kind.VECTOR,
    geometry=Geometry.POINT,
    data_class=DataClass.PUBLIC,
    owner="华亭市大数据中心",
    cim_level=CimLevel.FRAME,
    fields=(
        Field(name="facility_id", title="设施编号", title_en="Number", aliases=("fac_id", "编号")),
        Field(name="name", title="名称", title_en="Name", required=True, aliases=("名称",)),
        Field(name="facility_class", title="类别", title_en="Class", aliases=("class", "类别")),
        Field(
            name="capacity",
            title="容纳人数",
            title_en="Capacity",
            type=FieldType.INTEGER,
            unit="{person}",
            aliases=("容量", "容纳人数"),
        ),
        Field(name="phone", title="电话", title_en="Telephone", aliases=("电话",)),
        Field(name="address", title="地址", title_en="Address", aliases=("地址",)),
    ),
    style=Style(
        color="#f28e2b",
        width=9.0,
        field="facility_class",
        label_field="name",
        visible=True,
        legend=(
            LegendItem(color="#4e79a7", title="学校", title_en="School", value="学校"),
            LegendItem(color="#59a14f", title="医院", title_en="Hospital", value="医院"),
            LegendItem(color="#b07aa1", title="政府", title_en="Government", value="政府"),
            LegendItem(color="#d62728", title="消防站", title_en="Fire station", value="消防站"),
            LegendItem(color="#2ca02c", title="避难场所", title_en="Shelter", value="避难场所"),
            LegendItem(color="#7f9bb3", title="市政设施", title_en="Utilities", value="市政设施"),
            LegendItem(color="#f28e2b", title="商业", title_en="Commerce", value="商业"),
            LegendItem(color="#8c7b6b", title="工业", title_en="Industry", value="工业"),
        ),
    ),
)

LAYERS: tuple[Layer, ...] = (
    OBLIQUE,
    SATELLITE,
    ORTHO,
    DEM,
    BUILDING,
    BUILDING_MODEL,
    POINT_CLOUD,
    ROAD,
    WATER,
    LAND_USE,
    ADMIN_AREA,
    FACILITY,
)
