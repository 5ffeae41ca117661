/** The API's enumerations as people say them (tickets/words.py, people/roles.py). */
export default {
  state: { received: '待受理', accepted: '已受理', declined: '不予受理', at_county: '县区待转办', dispatched: '办理中', return_requested: '申请退单', completed: '已办结待审核', reviewed: '审核通过', rework: '重办', archived: '已归档' },
  category: { consultation: '咨询', help: '求助', complaint: '投诉', report: '举报', suggestion: '建议', other: '其他' },
  warning: { blue: '蓝色预警', yellow: '黄色预警', red: '红色预警', inspection: '转政府督查室' },
  obligation: { manual_callback: '人工回访', rework: '整改重办', notify_citizen: '告知诉求人', joint_meeting: '联席会议', tell_right_office: '告知有权单位', written_result: '书面结果', report_upward: '上报', notify_emergency_service: '通知紧急服务专线' },
  supervise: { overdue: '逾期', leader: '领导批示交办', upper_level: '上级转办', unclear_duty: '职责不清', poor_quality: '办理质量不高', several_units: '涉及多个单位', repeat_person: '同一人重复反映', repeat_people: '多人集中反映', sudden: '突发性苗头性趋势性', media: '媒体曝光', unsolved: '诉求未解决', other: '其他' },
  role: { agent: '话务员', dispatcher: '派单员', unit_officer: '承办单位经办人', unit_leader: '承办单位负责人', supervisor: '督办员', manager: '领导', administrator: '管理员' },
}
