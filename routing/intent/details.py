"""Place names and telephone numbers in what was said, for the draft of a ticket."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ENDINGS = (
    "派出所|火车站|汽车站|地铁站|公交站|工业园|开发区|居委会|幼儿园|菜市场|批发市场|办事处|养老院|加油站|停车场|博物馆|图书馆|体育馆|"
    "大道|大街|小区|花园|家园|新村|社区|号楼|号院|号线|单元|车站|医院|学校|小学|中学|大学|广场|公园|市场|超市|大厦|酒店|工地|路口|"
    "水库|大桥|公寓|商场|街道|胡同|镇|乡|村|路|街|巷|弄|苑|庄|栋|幢|室|桥|河|站|区|县"
)
_NUMBERED = "号楼|号院|号线|单元|栋|幢|室|弄|号"
_NUMBER = "[0-9零〇一二三四五六七八九十百幺两]"
_HAN = "[\u4e00-\u9fff]"
_PLACE = re.compile(
    rf"{_NUMBER}{{1,5}}(?:{_NUMBERED})|{_HAN}{{1,6}}?(?:{_ENDINGS})(?:{_NUMBER}{{1,5}}(?:{_NUMBERED}|号))?"
)
# Words before a name that are no part of it.
_BEFORE = re.compile(
    "^.*(?:我们家|我家|我们|咱们|你们|他们|住在|就在|位于|地址是|旁边的|附近的|对面的|门口的|这边是|那边是|这里是|我在|我是|靠近|"
    "来自|叫做|在|到|从|去|往|由|给|的|是|住|有|请问|投诉|举报|反映|一下|了|说|我|你|他|和|跟|把|被|让|查|修|离|问|找|想|这|那|要)"
)
# What ends like a place and is a thing, or any place at all.
_COMMON = frozenset(
    (
        "马路 公路 道路 修路 走路 一路 绕路 铁路 线路 电路 短路 让路 挡路 堵路 问路 过路 带路 水路 高速路 半路 "
        "大路 小路 门路 思路 地区 城区 市区 辖区 山区 郊区 全区 学区 景区 社区 小区 车站 网站 农村 本村 全村 "
        "我们村 上街 逛街 大街 街道 教室 浴室 卧室 办公室 门诊室 地下室 医院 学校 小学 中学 大学 广场 公园 "
        "市场 超市 酒店 工地 路口 商场 车库 停车场 过河 小河 河 桥 路 街 村 区 县 站 乡 镇 老乡 家乡 下乡 水库 "
        "大桥 大厦 单元 号楼 新村 花园 家园 公寓 胡同 大道 知道 高架桥 天桥 进站 到站 过站 全县 菜市场 幼儿园 "
        "派出所 养老院 加油站 地铁站 公交站 火车站 汽车站 居委会 办事处 开发区 工业园 博物馆 图书馆 体育馆 "
        "上幼儿园 上小学 上大学 整个小区 整栋 一栋 哪个社区"
    ).split()
)
_SPOKEN = str.maketrans("零〇洞一幺二两三四五六七拐八九勾０１２３４５６７８９", "0001122345677899" + "0123456789")
_PHONE = re.compile(r"(?:86(?=1\d{10}$))?(1\d{6,10}|[02-9]\d{6,11})")
"""7 to 12 digits; none that begin with 1 are longer than a mobile number."""
_SIGNS = "零〇洞一幺二两三四五六七拐八九勾0-9０-９"
_DIGITS = re.compile(rf"[{_SIGNS}][{_SIGNS}\s\-]{{5,30}}")
MOST = 20


@dataclass(frozen=True, slots=True)
class Details:
    """What was found, in the order it was said, each once, at most ``MOST``."""

    places: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()


def details(text: str) -> Details:
    """Places by their endings (路 小区 号楼 地铁站 …) and numbers of 7 to 12 digits, written or said."""
    text = text[:4000]
    phones: list[str] = []
    for found in _DIGITS.finditer(text):
        groups = found[0].translate(_SPOKEN).replace("-", "").split()
        # Blanks stand within a number as well as between two.
        whole = _PHONE.fullmatch("".join(groups))
        phones += [one[1] for one in ([whole] if whole else map(_PHONE.fullmatch, groups)) if one]
    places: list[str] = []
    for found in _PLACE.finditer(_DIGITS.sub(lambda f: "，" if len(f[0]) >= 7 else f[0], text)):
        name = _BEFORE.sub("", found[0])
        if len(name) >= 3 and name not in _COMMON:
            places.append(name)
    return Details(tuple(dict.fromkeys(places))[:MOST], tuple(dict.fromkeys(phones))[:MOST])
