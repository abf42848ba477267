"""What stands on a block of each use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from sample_city.buildings import Building, Rect, rect
from sample_city.town import Block


@dataclass
class Yard:
    """A block being built on, with its own random numbers."""

    block: Block
    rng: np.random.Generator
    first: int
    built: list[Building] = field(default_factory=list)

    def add(
        self,
        parts: Rect | tuple[Rect, ...],
        floors: int,
        look: str,
        use: str,
        *,
        name: str = "",
        storey: float = 3.0,
        roof: str = "flat",
        structure: str = "混合",
    ) -> None:
        """Put one building up."""
        parts = (parts,) if isinstance(parts, Rect) else parts
        year = int(self.rng.integers(1986, 2023))
        year = self.block.opened or year
        number = self.first + len(self.built)
        self.built.append(
            Building(number, name, use, look, parts, floors, storey, roof, year, structure)
        )

    @property
    def width(self) -> float:
        """Along u, m."""
        return self.block.east - self.block.west

    @property
    def depth(self) -> float:
        """Along v, m."""
        return self.block.north - self.block.south

    @property
    def middle(self) -> float:
        """U of the middle."""
        return (self.block.east + self.block.west) / 2


def build(block: Block, seed: int) -> list[Building]:
    """The buildings of one block, the same whatever else is built."""
    column, row = block.key
    rng = np.random.default_rng([seed, column + 1000, row + 10])
    first = (column + 200) * 10000 + (row + 3) * 100
    yard = Yard(block, rng, first)
    _FILL[block.use](yard)
    return yard.built


def _shops(yard: Yard, v: float, skip: tuple[float, float] | None = None) -> None:
    """A row of shops of two or three floors along u, with a gap for the gate."""
    u = yard.block.west + 1.0
    while u < yard.block.east - 14.0:
        length = float(min(yard.rng.uniform(18.0, 30.0), yard.block.east - 1.0 - u))
        gate = skip is not None and u < skip[1] and u + length > skip[0]
        if not gate and length > 10.0:
            floors = int(yard.rng.integers(2, 4))
            yard.add(
                rect(u + length / 2, v, length - 0.4, 11.0), floors, "shop", "商业", storey=3.6
            )
        u += length


def _residential(yard: Yard) -> None:
    block = yard.block
    lines = np.arange(block.north - 9.0, block.south + 18.0, -31.0)
    shops = block.key[1] in (0, 1)
    for index, v in enumerate(lines):
        floors = 6 if index % 3 else 5
        half = (yard.width - 26.0) / 2
        for side in (-1, 1):
            length = half - float(yard.rng.uniform(0.0, 7.0))
            u = yard.middle + side * (half / 2 + 5.5)
            yard.add(rect(u, float(v) - 2.0, length, 11.6), floors, "slab", "住宅")
    if shops:
        gate = (yard.middle - 6.0, yard.middle + 6.0)
        _shops(yard, block.south + 6.0, gate)


def _tower(yard: Yard) -> None:
    block = yard.block
    for row, v in enumerate((block.south + 46.0, block.north - 22.0)):
        for column in range(3):
            u = block.west + yard.width * (column + 0.5) / 3 + (6.0 if row else -6.0)
            floors = int(yard.rng.integers(15, 19))
            yard.add(rect(u, v, 27.0, 16.0), floors, "tower", "住宅", structure="剪力墙")
    _shops(yard, block.south + 7.0, (yard.middle - 7.0, yard.middle + 7.0))


def _old(yard: Yard) -> None:
    """Courtyard houses: a main house on the north, a wing on one side, a wall with a gate."""
    block = yard.block
    columns, rows = int(yard.width // 19.0), int(yard.depth // 21.0)
    for row in range(rows):
        for column in range(columns):
            if yard.rng.random() < 0.1:
                continue
            u = block.west + yard.width * (column + 0.5) / columns
            v = block.south + yard.depth * (row + 0.5) / rows
            _house(yard, u, v, yard.width / columns, yard.depth / rows)


def _house(yard: Yard, u: float, v: float, width: float, depth: float) -> None:
    turn = float(yard.rng.normal(0.0, 0.012))
    length = width - float(yard.rng.uniform(2.6, 4.5))
    two = yard.rng.random() < 0.28
    if two:
        yard.add(
            rect(u, v + depth / 2 - 5.4, length, 8.4, turn), 2, "villa", "住宅",
            storey=3.1, structure="砖混",
        )  # fmt: skip
    else:
        yard.add(
            rect(u, v + depth / 2 - 5.0, length, 7.0, turn), 1, "house", "住宅",
            storey=3.2, roof="gable", structure="砖木",
        )  # fmt: skip
    side = -1 if yard.rng.random() < 0.5 else 1
    wing = depth - 13.0
    yard.add(
        rect(
            u + side * (length / 2 - 2.2), v - depth / 2 + 2.2 + wing / 2,
            wing, 4.2, np.pi / 2 + turn,
        ),
        1, "wing", "附属用房", storey=2.7, roof="gable" if yard.rng.random() < 0.5 else "flat",
        structure="砖木",
    )  # fmt: skip


def _commercial(yard: Yard) -> None:
    block = yard.block
    top = block.key[1] == 0
    main = block.north - 16.0 if top else block.south + 16.0
    mall, office, market = (
        ("华亭商贸中心", "农商银行大厦", "中心农贸市场")
        if block.key[0] == 6
        else ("城西商贸城", "邮政大厦", "西关农贸市场")
    )
    yard.add(
        rect(yard.middle + 20.0, main, 62.0, 28.0), 5, "mall", "商业",
        name=mall, storey=4.5, structure="框架",
    )  # fmt: skip
    yard.add(
        rect(block.west + 24.0, main, 34.0, 24.0), 9, "office", "办公",
        name=office, storey=3.6, structure="框架",
    )  # fmt: skip
    yard.add(
        rect(yard.middle, (block.north + block.south) / 2 - 8.0, yard.width - 50.0, 32.0),
        1, "market", "商业", name=market, storey=6.5, roof="gable", structure="钢结构",
    )  # fmt: skip
    _shops(yard, block.south + 7.0 if top else block.north - 7.0)


def _school(yard: Yard) -> None:
    block = yard.block
    u, n = block.west, block.north
    first = (rect(u + 34.0, n - 12.0, 56.0, 13.0), rect(u + 12.5, n - 27.0, 13.0, 43.0))
    yard.add(first, 4, "school", "教育", name="华亭县第一中学教学楼", storey=3.6, structure="框架")
    yard.add(
        rect(u + 36.0, block.south + 12.0, 54.0, 12.5), 4, "school", "教育",
        name="第一中学实验楼", storey=3.6, structure="框架",
    )  # fmt: skip
    yard.add(
        rect(u + 40.0, (n + block.south) / 2 - 6.0, 26.0, 20.0), 1, "hall", "教育",
        name="第一中学体育馆", storey=9.0, structure="钢结构",
    )  # fmt: skip


def _government(yard: Yard) -> None:
    block = yard.block
    m, n = yard.middle, block.north
    parts = (rect(m, n - 26.0, 84.0, 16.0), rect(m - 35.0, n - 38.0, 14.0, 30.0),
             rect(m + 35.0, n - 38.0, 14.0, 30.0))  # fmt: skip
    yard.add(parts, 6, "office", "办公", name="县政务服务中心", storey=3.7, structure="框架")
    for side, name in ((-1, "档案馆"), (1, "会议中心")):
        yard.add(
            rect(m + side * 52.0, block.south + 30.0, 24.0, 34.0), 3, "office", "办公",
            name=name, storey=4.0, structure="框架",
        )  # fmt: skip


def _hospital(yard: Yard) -> None:
    block = yard.block
    m, n = yard.middle, block.north
    parts = (rect(m, n - 18.0, 92.0, 17.0), rect(m - 38.0, n - 38.0, 16.0, 34.0))
    yard.add(parts, 7, "hospital", "医疗", name="县人民医院住院楼", storey=3.6, structure="框架")
    yard.add(
        rect(m + 14.0, block.south + 34.0, 58.0, 24.0), 4, "hospital", "医疗",
        name="县人民医院门诊楼", storey=3.9, structure="框架",
    )  # fmt: skip
    yard.add(rect(m - 50.0, block.south + 20.0, 18.0, 26.0), 2, "shop", "医疗", name="疾控中心")


def _heating(yard: Yard) -> None:
    block = yard.block
    m, n = yard.middle, block.north
    yard.add(
        rect(m - 14.0, n - 26.0, 46.0, 26.0), 1, "plant", "工业",
        name="城区集中供热站", storey=21.0, structure="钢结构",
    )  # fmt: skip
    yard.add(rect(m + 24.0, n - 26.0, 5.6, 5.6), 1, "chimney", "构筑物", name="供热站烟囱",
             storey=62.0, roof="none", structure="钢筋混凝土")  # fmt: skip
    yard.add(
        rect(m - 10.0, block.south + 34.0, 70.0, 26.0), 1, "shed", "工业", name="储煤棚",
        storey=8.0, roof="gable", structure="钢结构",
    )  # fmt: skip
    yard.add(rect(m + 52.0, block.south + 30.0, 13.0, 36.0), 3, "slab", "办公", storey=3.3)


def _industrial(yard: Yard) -> None:
    block = yard.block
    for v in np.arange(block.south + 20.0, block.north - 16.0, 36.0):
        length = yard.width - float(yard.rng.uniform(34.0, 52.0))
        yard.add(
            rect(block.west + 10.0 + length / 2, float(v), length, 24.0), 1, "shed", "工业",
            storey=8.5, roof="gable", structure="钢结构",
        )  # fmt: skip
    yard.add(rect(block.east - 10.0, yard.block.north - 24.0, 12.0, 34.0), 3, "office", "办公")


def _treatment(yard: Yard) -> None:
    block = yard.block
    yard.add(
        rect(block.west + 26.0, block.north - 20.0, 36.0, 14.0), 2, "office", "市政",
        name="污水处理厂综合楼", storey=3.6, structure="框架",
    )  # fmt: skip
    yard.add(
        rect(block.east - 26.0, block.north - 22.0, 30.0, 16.0), 1, "plant", "市政",
        name="污泥脱水车间", storey=8.0, structure="框架",
    )  # fmt: skip


def _fire(yard: Yard) -> None:
    block = yard.block
    yard.add(
        rect(yard.middle, block.south + 20.0, 62.0, 18.0), 3, "fire", "消防",
        name="华亭县消防救援站", storey=4.2, structure="框架",
    )  # fmt: skip
    yard.add(
        rect(block.east - 18.0, block.north - 30.0, 7.0, 7.0), 6, "office", "消防", name="训练塔"
    )
    yard.add(rect(block.west + 26.0, block.north - 16.0, 40.0, 12.0), 4, "slab", "住宅")


def _nothing(yard: Yard) -> None:
    """Parks and fields carry no buildings."""


_FILL: dict[str, Callable[[Yard], None]] = {
    "residential": _residential,
    "tower": _tower,
    "old": _old,
    "village": _old,
    "commercial": _commercial,
    "school": _school,
    "government": _government,
    "hospital": _hospital,
    "heating": _heating,
    "industrial": _industrial,
    "treatment": _treatment,
    "fire": _fire,
    "park": _nothing,
    "field": _nothing,
}
