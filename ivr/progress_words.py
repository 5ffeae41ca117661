"""What is said and understood where a caller asks how a ticket stands: names of prompts, and words."""

from __future__ import annotations

from ivr import standing

LAST_FOUR, SAY_LAST_FOUR = "progress-last-four", "progress-say-last-four"
WRONG = "progress-wrong"
"""Which of the two was wrong is not said."""
FAILED = "progress-failed"
LIMITED = "progress-limited"
AFTER = "progress-after"
PROMPTS = standing.PROMPTS | {LAST_FOUR, SAY_LAST_FOUR, WRONG, FAILED, LIMITED, AFTER}

FOR_KEYS = {SAY_LAST_FOUR: LAST_FOUR, WRONG: WRONG, AFTER: AFTER}
"""What is played where only keys serve; a name for itself is played again to whom listening was lost at."""

OWN = ("本机", "本机号码", "这个号码", "这个电话", "我的号码", "我的电话", "用本机", "查本机")
"""In the place of a ticket's number."""
AGAIN = ("再听一遍", "再说一遍", "再报一遍", "重复一遍", "没听清", "没听清楚", "没有听清")
ENOUGH = ("没有了", "没有别的事", "没有其他事情", "没事了", "不用了", "再见", "知道了", "谢谢")
PHRASES = (*OWN, *AGAIN, *ENOUGH)
