"""A book of a million tickets, made by the database itself: two years, 400 units, as a city's would be.

One in twenty is still open, one in twenty has a co-unit. Their texts are put together from phrases, a few of them in
every tenth ticket and some in one of thousands.
"""

from __future__ import annotations

from psycopg import Connection

PLACES = "人民路 中山广场 解放小区 建设街 和平里 长江道 黄河路 青年公园 高新园区 滨海大道 文化宫 火车站 东关村".split()
COMMON = "物业不作为 楼上漏水 夜间施工噪音 路灯不亮 垃圾无人清运 暖气不热 占道经营 井盖破损 公交晚点 停车收费".split()
SELDOM = "窨井溢水 违规养犬 油烟扰民 广告牌松动 燃气报修 电梯停运 欠薪 学区划分 医保报销 户口迁移 拆迁补偿".split()
ENDS = ("，请尽快处理", "，多次反映未解决", "，希望有关部门核实", "，要求书面答复", "，已影响居民生活")

_FILL = """
INSERT INTO ticket_counters (day, last) SELECT d::date, 99999999 FROM generate_series(
    now() - interval '731 days', now() + interval '1 day', '1 day') AS d ON CONFLICT DO NOTHING;
CREATE TEMP TABLE made AS
SELECT n, open, unit, caller, category, state, received_at,
    to_char(received_at AT TIME ZONE 'Asia/Shanghai', 'YYYYMMDD') || '-' || lpad(n::text, 7, '0') AS number,
    CASE WHEN n % 20 = 7 THEN 'unit-' || ((n * 31) % 400) END AS co_unit,
    CASE WHEN state IN ('dispatched', 'rework') THEN received_at + interval '20 days' END AS due_at
FROM (
    SELECT n, open, received_at, 'unit-' || floor(400 * power(random(), 2))::int AS unit,
        '+86139' || lpad((random() * 400000)::int::text, 8, '0') AS caller,
        (ARRAY['complaint','help','consultation','complaint','suggestion','report','other'])[1 + n % 7] AS category,
        CASE WHEN NOT open THEN (ARRAY['archived','archived','archived','archived','declined'])[1 + n % 5]
             ELSE (ARRAY['received','accepted','dispatched','dispatched','dispatched','completed','reviewed','rework'])
                  [1 + n % 8] END AS state
    FROM (SELECT n, n > %(count)s * 0.955 OR n % 200 = 1 AS open,
              now() - interval '730 days' * (1 - n::float8 / %(count)s) - interval '1 minute' AS received_at
          FROM generate_series(1, %(count)s) AS n) AS base
) AS parts;
UPDATE made SET unit = '' WHERE state IN ('received', 'accepted', 'declined');
ANALYZE made;
INSERT INTO tickets (number, channel, received_at, updated_at, version, policy, life, state, category, urgent, unit,
    co_units, warning, supervised, due_at, wake_at, caller_key, title, content, address, requester, caller, caller_e164)
SELECT number, 'phone', received_at, received_at, 3, 'dalian-2015',
    jsonb_strip_nulls(jsonb_build_object('category', category, 'state', state, 'unit', unit, 'caller', caller,
        'callers', jsonb_build_array(caller), 'at', received_at, 'dispatched_at', received_at,
        'co_units', CASE WHEN co_unit IS NULL OR unit = '' THEN '[]' ELSE jsonb_build_array(co_unit) END,
        'urgent', n % 100 = 0, 'limits', CASE WHEN due_at IS NULL THEN '{}' ELSE
            jsonb_build_object('complete', jsonb_build_object('due', due_at, 'cite', '第十八条', 'passed',
                due_at < now() - interval '2 minutes')) END)),
    state, category, n % 100 = 0, unit, CASE WHEN co_unit IS NULL OR unit = '' THEN '{}' ELSE ARRAY[co_unit] END,
    CASE WHEN n % 3000 = 1 THEN 'red' WHEN n % 1000 = 1 THEN 'blue' END, n % 150 = 1, due_at,
    CASE WHEN due_at > now() - interval '2 minutes' THEN due_at END, caller,
    phrase, place || n % 90 || '号' || phrase || CASE WHEN n % 3 = 0 THEN '，另有' || seldom ELSE '' END || ending
        || CASE WHEN n = 4321 THEN '，独角兽' ELSE '' END || CASE WHEN n % 100 = 3 THEN '，共享单车乱停' ELSE '' END
        || CASE WHEN n % 5000 = 17 THEN '，海水倒灌' ELSE '' END,
    place || n % 90 || '号', '张' || n % 100, caller, caller
FROM (SELECT made.*, (%(places)s::text[])[1 + n * 7 % cardinality(%(places)s::text[])] AS place,
        (%(common)s::text[])[1 + n * 13 % cardinality(%(common)s::text[])] AS phrase,
        (%(seldom)s::text[])[1 + n / 3 * 7 % cardinality(%(seldom)s::text[])] AS seldom,
        (%(ends)s::text[])[1 + n * 3 % cardinality(%(ends)s::text[])] AS ending FROM made) AS said;
INSERT INTO ticket_units (unit, received_at, number)
SELECT co_unit, received_at, number FROM made WHERE co_unit IS NOT NULL AND unit <> '' AND co_unit <> unit;
INSERT INTO deadlines (number, kind, due_at, article, passed)
SELECT number, 'complete', due_at, '第十八条', due_at < now() - interval '2 minutes' FROM made
WHERE due_at IS NOT NULL;
INSERT INTO ticket_events (number, at, kind, actor, data, articles)
SELECT number, received_at, (ARRAY['received', 'accept', 'dispatch'])[step],
    CASE WHEN n % 300 = 2 THEN 'busy' ELSE 'somebody' END,
    jsonb_build_object('changes', jsonb_build_object('state', state)), ARRAY['第十八条']
FROM made, generate_series(1, 3) AS step;
INSERT INTO ticket_feed (event) SELECT id FROM ticket_events ORDER BY id
"""
_TABLES = "tickets ticket_units deadlines ticket_events ticket_feed".split()
_INDEXES = (
    "SELECT indexdef, indexname FROM pg_indexes WHERE tablename = ANY(%s) AND indexdef NOT LIKE 'CREATE UNIQUE%%'"
)


def fill(session: Connection, count: int) -> None:
    """Into an empty book, without its triggers, and its indexes made afterwards."""
    indexes = session.execute(_INDEXES, (_TABLES,)).fetchall()
    session.execute(
        "SET maintenance_work_mem = '512MB'; SET work_mem = '128MB'; SET session_replication_role = replica"
    )
    for _, name in indexes:
        session.execute(f'DROP INDEX "{name}"')
    lists = {"places": PLACES, "common": COMMON, "seldom": SELDOM, "ends": list(ENDS)}
    for statement in _FILL.split(";\n"):
        given = {name: value for name, value in {"count": count, **lists}.items() if f"%({name})s" in statement}
        session.execute(statement.replace(" % ", " %% ") if given else statement, given or None)
    for definition, _ in indexes:
        session.execute(definition)
    session.execute("RESET session_replication_role")
    session.execute("VACUUM ANALYZE")
