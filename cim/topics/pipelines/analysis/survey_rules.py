"""Rules that a survey of pipes must keep, as data: what, how much, on whose word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

PASS, FAIL, UNKNOWN, NEEDS_REVIEW = "PASS", "FAIL", "UNKNOWN", "NEEDS_REVIEW"

CITED = (
    "CJJ 61-2017 数据检查规则，转引自公开整理稿（BdJmLtd excel-check-04、"
    "underground-pipeline-detecting-and-surveying），原文未核 cited from a secondary source"
)
UNVERIFIED = "工程惯例，未经核对 practice, unverified"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule.

    Args:
        id: Stable name.
        title: Chinese, with its English beside.
        limit: Name of the limit in ``Limits``; empty for none.
        unit: Of value and limit.
        cited: Whether a source states it; what breaks one that is not NEEDS_REVIEW.
        note: What of it is unverified all the same.
    """

    id: str
    title: str
    title_en: str
    limit: str = ""
    unit: str = ""
    cited: bool = True
    note: str = ""

    @property
    def evidence(self) -> str:
        """On whose word it stands."""
        return (CITED if self.cited else UNVERIFIED) + (f"；{self.note}" if self.note else "")


_TOLERANCE = "容差为参数 the tolerance is a parameter"
RULES: tuple[Rule, ...] = (
    Rule(id="point_missing", title="管线点表中缺少的点号", title_en="Point missing from its table"),
    Rule(id="point_unused", title="没有管段连接的多余点", title_en="Point that no segment uses"),
    Rule(id="point_twice", title="重复点号", title_en="Point number given twice"),
    Rule(id="segment_twice", title="重复管段", title_en="Segment given twice"),
    Rule(id="segment_self", title="自连管段", title_en="Segment from a point to itself"),
    Rule(id="attribute", title="必填属性缺失", title_en="Required attribute missing",
         note="CJJ 61-2017 3.0.2"),
    Rule(id="unreadable", title="无法识读的单元格", title_en="Cell that cannot be read",
         cited=False),
    Rule(id="elev_ref", title="高程部位不明（须为管顶、管底或中心）",
         title_en="Elevation of which part: neither top, invert nor centre", cited=False),
    Rule(id="balance", title="地面高程 ≠ 埋深 + 管线高程", limit="balance", unit="m",
         title_en="Ground elevation is not depth plus pipe elevation", note=_TOLERANCE),
    Rule(id="same_depth", title="同一点各管段埋深不一致", limit="same_depth", unit="m",
         title_en="Segments of one point differ in depth (drop manholes excepted)",
         note=_TOLERANCE),
    Rule(id="too_short", title="管段过短", title_en="Segment too short", limit="shortest",
         unit="m"),
    Rule(id="too_long", title="管段过长", title_en="Segment too long", limit="longest", unit="m",
         note="来源并列 75 与 50 m the source gives both"),
    Rule(id="too_steep", title="管段坡角过大", title_en="Segment too steep", limit="steepest",
         unit="deg", note="来源并列 10° 与 30° the source gives both"),
    Rule(id="degree", title="连接管段数与特征不符", title_en="Number of segments against feature",
         note="三通 3、四通 4 有据，其余为惯例 only tee and cross are cited"),
    Rule(id="sharp_angle", title="相邻管段夹角过小", title_en="Angle between segments too sharp",
         limit="sharpest", unit="deg", cited=False),
    Rule(id="uphill", title="重力流流向与高程相反", title_en="Gravity pipe drawn to flow uphill",
         cited=False),
    Rule(id="code", title="管线种类代码不在 CJJ 61 附录 B",
         title_en="Network code not of CJJ 61 annex B"),
    Rule(id="near_points", title="点号不同而位置几乎相同的点", limit="near", unit="m",
         title_en="Points of two numbers at almost one place", cited=False),
    Rule(id="line_off", title="管段几何端点偏离测点", limit="line_off", unit="m",
         title_en="Drawn end of a segment away from its point", cited=False),
    Rule(id="loose_end", title="悬空端点靠近其他管段", limit="snap", unit="m",
         title_en="Free end beside another segment", cited=False),
)  # fmt: skip
BY_ID: Mapping[str, Rule] = {rule.id: rule for rule in RULES}

CODES = {  # CJJ 61-2017 annex B, first two letters of a network's code
    "JS", "PS", "YS", "WS", "HS", "RQ", "MQ", "YH", "TR", "TQ", "RL", "RS", "ZQ", "DL", "GD", "LD",
    "XH", "DC", "GG", "TX", "DH", "DS", "XX", "GB", "GY", "QT", "ZH", "BM",
}  # fmt: skip
GRAVITY = {"PS", "YS", "WS", "HS"}
DEGREES = {  # feature: how many segments meet there
    "三通": 3, "四通": 4, "五通": 5, "弯头": 2, "变径": 2, "变材": 2, "直线点": 2,
}  # fmt: skip
CITED_DEGREES = {"三通", "四通"}
FREE = (
    "起止", "起讫", "预留", "出地", "入户", "进出", "非普查", "盲板", "堵头", "终点", "起点",
    "出水口", "排放口", "源点",
)  # fmt: skip
REFERENCES = {
    "top": "top", "管顶": "top", "管块顶": "top", "沟顶": "top", "外顶": "top", "顶": "top",
    "invert": "invert", "管底": "invert", "内底": "invert", "管内底": "invert", "沟底": "invert",
    "底": "invert", "centre": "centre", "center": "centre", "管中": "centre", "中心": "centre",
    "管中心": "centre",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Numbers that the rules measure against: m, and degrees of slopes and angles."""

    balance: float = 0.02
    same_depth: float = 0.02
    shortest: float = 0.05
    longest: float = 75.0
    steepest: float = 30.0
    sharpest: float = 30.0
    near: float = 0.1
    line_off: float = 0.05
    snap: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that breaks a rule.

    Args:
        rule: Its id.
        table: ``points`` or ``lines``.
        rows: Rows of the table, as a spreadsheet counts them.
        no: Number of the point or segment.
        value: What was measured, in the rule's unit.
        limit: What it was measured against.
        detail: What more there is to say.
        place: Easting and northing, m; None where the place is unknown.
        verdict: ``FAIL``, or ``NEEDS_REVIEW`` where the rule is unverified.
    """

    rule: str
    table: str
    rows: tuple[int, ...]
    no: str
    value: float | None = None
    limit: float | None = None
    detail: str = ""
    place: tuple[float, float] | None = None
    verdict: str = FAIL


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What could mend a finding; the surveyor decides."""

    no: str
    kind: str
    target: str
    distance: float | None
    reason: str
    place: tuple[float, float] | None = None


@dataclass(slots=True)
class Tally:
    """What came of every rule.

    Args:
        checked: How often each could be applied.
        unknown: How often an attribute was missing.
    """

    limits: Limits
    checked: dict[str, int] = field(default_factory=dict)
    unknown: dict[str, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    proposals: list[Proposal] = field(default_factory=list)

    def apply(self, rule: str, count: int = 1) -> None:
        """A rule could be applied."""
        self.checked[rule] = self.checked.get(rule, 0) + count

    def miss(self, rule: str, count: int = 1) -> None:
        """A rule could not be applied: an attribute is missing."""
        self.unknown[rule] = self.unknown.get(rule, 0) + count

    def find(
        self, rule: str, table: str, rows: tuple[int, ...], no: str, *,
        value: float | None = None, detail: str = "",
        place: tuple[float, float] | None = None, cited: bool = True,
    ) -> None:  # fmt: skip
        """Something breaks a rule."""
        stated = BY_ID[rule]
        limit = getattr(self.limits, stated.limit) if stated.limit else None
        sure = stated.cited and cited
        self.findings.append(Finding(
            rule=rule, table=table, rows=rows, no=no,
            value=None if value is None else round(value, 4), limit=limit, detail=detail,
            place=place, verdict=FAIL if sure else NEEDS_REVIEW,
        ))  # fmt: skip

    def broken(self, rule: str) -> int:
        """How often a rule is broken."""
        return sum(finding.rule == rule for finding in self.findings)

    def verdict(self, rule: str) -> str:
        """What a rule says of the whole survey; an unverified one never passes it."""
        found = [f.verdict for f in self.findings if f.rule == rule]
        if FAIL in found:
            return FAIL
        if not self.checked.get(rule) or self.unknown.get(rule):
            return NEEDS_REVIEW if found else UNKNOWN
        return PASS if BY_ID[rule].cited and not found else NEEDS_REVIEW
